//! Our ends of the pipes to a running program.

use std::future::Future;
use std::io::{self, BufRead, Read, Write};
use std::time::Instant;

use manyhands_io::{Direction, Tried};
use manyhands_wait::{Reason, check_cancelled};
use rustix::buffer::spare_capacity;
use rustix::pipe::fcntl_setpipe_size;

use super::launch::Pipe;

static INPUT: Reason = Reason::new("room in the pipe to a program");
static OUTPUT: Reason = Reason::new("output of a program");

/// How much a read asks for at least, and at most.
const SHORT_READ: usize = 4 * 1024;
const LONG_READ: usize = 1024 * 1024;
/// A pipe as it is made holds this much. One that was found full is made wider: then the program and
/// we take turns less often.
const FULL_PIPE: usize = 64 * 1024;
const WIDE_PIPE: usize = 1024 * 1024;
/// After so many reads without a wait the others get their turn: a program may write for ever.
const READS_PER_TURN: u32 = 16;

/// Writes to the standard input of a running program. Dropping it closes the pipe: the program finds
/// the end.
///
/// Waits while the pipe is full, from threads and coroutines; async code has
/// [`write_all_async`](Self::write_all_async). A program that does not read any more gives
/// [`io::ErrorKind::BrokenPipe`]. A wait ends with [`io::ErrorKind::TimedOut`] when the program's
/// [timeout](super::Command::timeout) is over.
#[derive(Debug)]
pub struct InputWriter {
    pipe: Pipe,
    until: Option<Instant>,
}

impl InputWriter {
    pub(super) fn new(pipe: Pipe, until: Option<Instant>) -> InputWriter {
        InputWriter { pipe, until }
    }

    /// Writes all of `bytes`, from async code. Dropped before its end, it may have written a part.
    ///
    /// # Errors
    /// Those of the pipe.
    pub async fn write_all_async(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let length = write_some(&self.pipe, bytes).await?;
            bytes = &bytes[length..];
        }
        Ok(())
    }
}

async fn write_some(pipe: &Pipe, bytes: &[u8]) -> io::Result<usize> {
    pipe.when_ready(Direction::Write, |fd| {
        let length = rustix::io::write(fd, bytes)?;
        Ok(Tried { value: length, drained: length < bytes.len() })
    })
    .await
}

impl Write for InputWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        block(&INPUT, self.until, write_some(&self.pipe, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what a running program writes to one of its streams, with a buffer: [`BufRead`] has lines.
///
/// Waits for output, from threads and coroutines; async code has the methods in `_async`. A wait ends
/// with [`io::ErrorKind::TimedOut`] when the program's [timeout](super::Command::timeout) is over.
/// The end comes when all who hold the other end of the pipe have closed it; those may be more than
/// the program itself.
///
/// ```
/// use manyhands_processes::{Command, OutputTo};
/// use std::io::BufRead;
///
/// let mut program = Command::shell("echo one; echo two").stdout(OutputTo::Capture).start()?;
/// let lines: Vec<String> = program.take_stdout().unwrap().lines().collect::<Result<_, _>>()?;
/// assert_eq!(lines, ["one", "two"]);
/// assert!(program.wait()?.is_success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OutputReader {
    /// Until the end was found.
    pipe: Option<Pipe>,
    buffer: Vec<u8>,
    /// How much of the buffer was taken.
    taken: usize,
    /// Whether the pipe was made wider, because the program writes a lot.
    is_wide: bool,
    until: Option<Instant>,
}

/// Why a stream is not read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is longer than allowed.
    TooMuch,
    /// The reactor does not take the pipe: too much is open.
    Failed(io::Error),
}

impl OutputReader {
    /// Of a pipe, or of a stream that is not captured and has ended.
    pub(super) fn new(pipe: Option<Pipe>, until: Option<Instant>) -> OutputReader {
        OutputReader { pipe, buffer: Vec::new(), taken: 0, is_wide: false, until }
    }

    /// Reads some bytes, at most the length of `into`, from async code; 0 at the end. Dropped before
    /// its end, it has taken nothing.
    ///
    /// # Errors
    /// Those of the pipe.
    pub async fn read_async(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.unread().is_empty() {
            self.fill().await?;
        }
        Read::read(&mut self.unread(), into).inspect(|length| self.taken += length)
    }

    /// Reads a line, without its end (`\n` or `\r\n`), from async code; `None` after the last one.
    /// Dropped before its end, it has taken nothing.
    ///
    /// # Errors
    /// Those of the pipe; [`io::ErrorKind::InvalidData`] if the line is not UTF-8.
    pub async fn next_line_async(&mut self) -> io::Result<Option<String>> {
        let mut searched = 0;
        let end = loop {
            let unread = self.unread();
            if let Some(found) = unread[searched..].iter().position(|byte| *byte == b'\n') {
                break searched + found + 1;
            }
            searched = unread.len();
            if self.read_more().await? == 0 {
                break searched;
            }
        };
        if end == 0 {
            return Ok(None);
        }
        let line = &self.unread()[..end];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        self.taken += end;
        match String::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Reads into the buffer, all of which was taken.
    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.clear();
        self.taken = 0;
        self.read_more().await
    }

    /// Reads behind what is in the buffer. Returns how much; 0 at the end.
    async fn read_more(&mut self) -> io::Result<usize> {
        let Some(pipe) = &self.pipe else { return Ok(0) };
        let buffer = &mut self.buffer;
        buffer.reserve(buffer.len().clamp(SHORT_READ, LONG_READ));
        let room = buffer.capacity() - buffer.len();
        let read = pipe
            .when_ready(Direction::Read, |fd| {
                let length = rustix::io::read(fd, spare_capacity(buffer))?;
                Ok(Tried { value: length, drained: length < room })
            })
            .await;
        match read {
            Ok(length) if length >= FULL_PIPE && !self.is_wide => {
                self.is_wide = true;
                // Refused where the user has many wide pipes already; then it stays as it is.
                let _widened = fcntl_setpipe_size(pipe.get_ref(), WIDE_PIPE);
            }
            Ok(0) => self.pipe = None,
            Ok(_) | Err(_) => {}
        }
        read
    }

    /// Reads into the buffer to the end, or as far as is allowed. Dropped early, it loses nothing.
    pub(super) async fn read_all(&mut self, max: Option<u64>) -> Result<(), Stop> {
        let max = max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        let mut reads: u32 = 0;
        loop {
            if self.unread().len() > max {
                self.buffer.truncate(self.taken + max);
                return Err(Stop::TooMuch);
            }
            if self.read_more().await.map_err(Stop::Failed)? == 0 {
                return Ok(());
            }
            reads += 1;
            if reads.is_multiple_of(READS_PER_TURN) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Closes the pipe: whoever writes on is told that nobody reads.
    pub(super) fn close(&mut self) {
        self.pipe = None;
    }

    /// What is in the buffer.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.buffer.drain(..self.taken);
        self.buffer
    }
}

impl Read for OutputReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(into)?;
        self.taken += length;
        Ok(length)
    }
}

impl BufRead for OutputReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unread().is_empty() && self.pipe.is_some() {
            block(&OUTPUT, self.until, self.fill())?;
        }
        Ok(self.unread())
    }

    fn consume(&mut self, length: usize) {
        self.taken = self.buffer.len().min(self.taken + length);
    }
}

/// Waits for a future that does I/O, from where the caller stands.
fn block<T>(
    reason: &'static Reason,
    until: Option<Instant>,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    check_cancelled();
    manyhands_io::prepare()?;
    manyhands_io::wait_for(reason, until, future).unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("timed out: {reason}")))
    })
}
