//! A program that runs: its streams, signals to it, and its end.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, TimedOut};

use super::builder::Command;
use super::error::{CommandError, CommandErrorKind};
use super::exchange::{Exchange, Verdict};
use super::family::Family;
use super::launch::Launched;
use super::output::CommandOutput;
use super::pipes::{InputWriter, OutputReader};
use super::run::{may_wait, unknown_end, unsuccessful};
use crate::exit_status::ExitStatus;

static END: Reason = Reason::new("end of a program that was started");

/// A program that was [started](Command::start).
///
/// Dropping it kills the program (SIGKILL) and all in its process group, if it has not ended;
/// [`detach`](Self::detach) lets it go on. If this process ends first, the program is killed in the
/// same way. In neither case is a zombie left. It may be moved to other
/// threads; a [`ProgramHandle`] can end the program while somebody else waits for it.
#[derive(Debug)]
pub struct Running {
    command: Command,
    family: Arc<Family>,
    stdin: Option<InputWriter>,
    stdout: Option<OutputReader>,
    stderr: Option<OutputReader>,
    until: Option<Instant>,
}

impl Running {
    pub(super) fn new(command: Command, launched: Launched, until: Option<Instant>) -> Running {
        let Launched { family, stdin, stdout, stderr } = launched;
        let reader = |pipe| OutputReader::new(Some(pipe), until);
        Running {
            command,
            family: Arc::new(family),
            stdin: stdin.map(|pipe| InputWriter::new(pipe, until)),
            stdout: stdout.map(reader),
            stderr: stderr.into_iter().next().flatten().map(reader),
            until,
        }
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        pid(&self.family)
    }

    /// A handle by which others can look at the program and send it signals.
    pub fn handle(&self) -> ProgramHandle {
        ProgramHandle { family: Arc::clone(&self.family) }
    }

    /// The writer to its standard input, if that is a [pipe](super::InputFrom::Pipe) and was not
    /// taken.
    pub fn stdin(&mut self) -> Option<&mut InputWriter> {
        self.stdin.as_mut()
    }

    /// The reader of its standard output, if that is [captured](super::OutputTo::Capture) and was
    /// not taken.
    pub fn stdout(&mut self) -> Option<&mut OutputReader> {
        self.stdout.as_mut()
    }

    /// The reader of its standard error, if that is [captured](super::OutputTo::Capture) and was not
    /// taken.
    pub fn stderr(&mut self) -> Option<&mut OutputReader> {
        self.stderr.as_mut()
    }

    /// Takes the writer to its standard input: another thread can write while this one reads.
    /// Dropping it is the end of the input.
    pub fn take_stdin(&mut self) -> Option<InputWriter> {
        self.stdin.take()
    }

    /// Takes the reader of its standard output.
    pub fn take_stdout(&mut self) -> Option<OutputReader> {
        self.stdout.take()
    }

    /// Takes the reader of its standard error.
    pub fn take_stderr(&mut self) -> Option<OutputReader> {
        self.stderr.take()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// If somebody else has reaped it, so that nobody can know.
    #[doc(alias = "poll")]
    pub fn try_wait(&self) -> Result<Option<ExitStatus>, CommandError> {
        self.family.try_wait().map_err(|error| self.unknown(&error))
    }

    /// Closes its standard input and waits until it has ended; how long is up to the
    /// [timeout](Command::timeout) of the command, which ends the program. Waiting again gives the
    /// same answer.
    ///
    /// Captured output that nobody has taken is read meanwhile and kept for the readers, so that the
    /// program does not stand still over a full pipe.
    ///
    /// A wait that is cancelled leaves the program as it is; what ends it then is dropping this.
    ///
    /// # Errors
    /// If it did not end in time; with [`check`](Command::check) if it failed.
    #[track_caller]
    pub fn wait(&mut self) -> Result<ExitStatus, CommandError> {
        may_wait(&self.command)?;
        drop(self.stdin.take());
        let until = self.until;
        match manyhands_io::wait_for(&END, until, self.ended()) {
            Ok(ended) => self.judge(ended),
            Err(TimedOut) => Err(self.end_late()),
        }
    }

    /// Like [`wait`](Self::wait), for at most `limit`; `None` if it has not ended by then. The
    /// program goes on.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout(&mut self, limit: Duration) -> Result<Option<ExitStatus>, CommandError> {
        may_wait(&self.command)?;
        drop(self.stdin.take());
        let own = Instant::now().checked_add(limit);
        let until = self.until.into_iter().chain(own).min();
        match manyhands_io::wait_for(&END, until, self.ended()) {
            Ok(ended) => self.judge(ended).map(Some),
            Err(TimedOut) if self.is_late() => Err(self.end_late()),
            Err(TimedOut) => Ok(None),
        }
    }

    /// [`wait`](Self::wait) for async code. Dropped early, it leaves the program as it is.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_async(&mut self) -> Result<ExitStatus, CommandError> {
        drop(self.stdin.take());
        let ended = match self.until {
            Some(until) => tokio::time::timeout_at(until.into(), self.ended()).await,
            None => Ok(self.ended().await),
        };
        match ended {
            Ok(ended) => self.judge(ended),
            Err(_elapsed) => {
                let finished = self.take_exchange().run_async().await;
                Err(self.command.conclude(finished).err().unwrap_or_else(|| self.late()))
            }
        }
    }

    /// Closes its standard input, reads all of its captured output that was not taken, waits for
    /// its end, and returns both. What was read before is not in it.
    ///
    /// # Errors
    /// As [`Command::output`].
    #[track_caller]
    pub fn communicate(mut self) -> Result<CommandOutput, CommandError> {
        may_wait(&self.command)?;
        drop(self.stdin.take());
        let finished = self.take_exchange().run_here();
        self.command.conclude(finished)
    }

    /// [`communicate`](Self::communicate) for async code. Dropped early, it kills the program.
    ///
    /// # Errors
    /// As [`Command::output`].
    pub async fn communicate_async(mut self) -> Result<CommandOutput, CommandError> {
        drop(self.stdin.take());
        let finished = self.take_exchange().run_async().await;
        self.command.conclude(finished)
    }

    /// Asks the program, and all in its process group, to end (SIGTERM). Nothing happens if nobody
    /// is left there.
    ///
    /// # Errors
    /// If the operating system does not allow it: the program has become another user's.
    pub fn terminate(&self) -> io::Result<()> {
        self.handle().terminate()
    }

    /// Ends the program, and all in its process group, at once (SIGKILL).
    ///
    /// # Errors
    /// As [`terminate`](Self::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.handle().kill()
    }

    /// Sends the signal of this number to the program alone.
    ///
    /// # Errors
    /// If there is no such signal, or the operating system does not allow it.
    #[doc(alias = "send_signal")]
    pub fn signal(&self, number: i32) -> io::Result<()> {
        self.handle().signal(number)
    }

    /// Lets the program go on for as long as it likes, also beyond the end of this one. Its captured
    /// streams are closed, and nobody learns how it ended.
    pub fn detach(self) {
        self.family.detach();
    }

    /// Waits for the end, and reads meanwhile what would stop the program otherwise.
    async fn ended(&mut self) -> io::Result<ExitStatus> {
        let family = Arc::clone(&self.family);
        let mut ended = std::pin::pin!(family.wait());
        let mut readings: Vec<_> = [&mut self.stdout, &mut self.stderr]
            .into_iter()
            .flatten()
            .map(|reader| Some(Box::pin(reader.read_all(None))))
            .collect();
        std::future::poll_fn(|cx| {
            for reading in &mut readings {
                if reading.as_mut().is_some_and(|some| some.as_mut().poll(cx).is_ready()) {
                    *reading = None;
                }
            }
            ended.as_mut().poll(cx)
        })
        .await?;
        family.try_wait()?.ok_or_else(|| io::Error::from_raw_os_error(libc::ECHILD))
    }

    fn judge(&self, ended: io::Result<ExitStatus>) -> Result<ExitStatus, CommandError> {
        match ended {
            Ok(status) if self.command.check && !status.is_success() => {
                Err(unsuccessful(&self.command, status))
            }
            Ok(status) => Ok(status),
            Err(error) => Err(self.unknown(&error)),
        }
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// Ends the program, the time of which is over.
    #[track_caller]
    fn end_late(&mut self) -> CommandError {
        let finished = self.take_exchange().run_here();
        self.command.conclude(finished).err().unwrap_or_else(|| self.late())
    }

    /// It ended of its own accord after all, in the last moment.
    fn late(&self) -> CommandError {
        super::run::early_end(&self.command.to_string(), &self.command.limits, Verdict::TimedOut)
    }

    /// The rest of its life, with the readers that nobody has taken.
    fn take_exchange(&mut self) -> Exchange {
        let reader =
            |reader: Option<OutputReader>| reader.unwrap_or_else(|| OutputReader::new(None, None));
        Exchange {
            family: Arc::clone(&self.family),
            stdout: reader(self.stdout.take()),
            stderr: vec![reader(self.stderr.take())],
            limits: self.command.limits,
            until: self.until,
        }
    }

    fn unknown(&self, error: &io::Error) -> CommandError {
        match error.raw_os_error() {
            Some(libc::ECHILD) => unknown_end(&self.command),
            _ => CommandError::system(
                CommandErrorKind::Io,
                self.command.to_string(),
                format_args!("waiting for `{}` failed", self.command),
                error,
            ),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.family.kill_if_alive();
    }
}

/// A program that runs, seen from elsewhere: another thread can end it while its owner waits for it.
///
/// It keeps the number of the process from being given to another one. Cheap to clone.
///
/// ```
/// use manyhands_processes::Command;
///
/// let mut program = Command::new("sleep").arg("60").start()?;
/// let handle = program.handle();
/// let ender = std::thread::spawn(move || handle.terminate());
/// assert_eq!(program.wait()?.signal(), Some(15));
/// ender.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProgramHandle {
    family: Arc<Family>,
}

impl ProgramHandle {
    /// The number of the process.
    pub fn pid(&self) -> u32 {
        pid(&self.family)
    }

    /// How it ended, if it has and that is known.
    pub fn status(&self) -> Option<ExitStatus> {
        self.family.try_wait().ok().flatten()
    }

    /// Asks the program, and all in its process group, to end (SIGTERM). Nothing happens if nobody
    /// is left there.
    ///
    /// # Errors
    /// If the operating system does not allow it: the program has become another user's.
    pub fn terminate(&self) -> io::Result<()> {
        self.family.signal(libc::SIGTERM)
    }

    /// Ends the program, and all in its process group, at once (SIGKILL).
    ///
    /// # Errors
    /// As [`terminate`](Self::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.family.signal(libc::SIGKILL)
    }

    /// Sends the signal of this number to the program alone.
    ///
    /// # Errors
    /// If there is no such signal, or the operating system does not allow it.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        self.family.children().iter().try_for_each(|child| child.signal(number))
    }
}

fn pid(family: &Family) -> u32 {
    let first = family.children().first().map_or(0, super::child::Child::pid);
    u32::try_from(first).unwrap_or_default()
}
