//! What workers write to standard error: passed on to ours, and its end kept for the case that the
//! worker dies.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::channel::Meter;

/// One worker's standard error.
pub(super) struct Voice {
    pipe: OwnedFd,
    meter: Meter,
    tail: VecDeque<u8>,
    /// How much has come, in bytes.
    heard: u64,
}

/// How much is kept, in bytes and in lines.
const TAIL_BYTES: usize = 8192;
const TAIL_LINES: usize = 40;

impl Voice {
    /// # Errors
    /// If the pipe cannot be made non-blocking.
    pub(super) fn of(pipe: OwnedFd, meter: Meter) -> io::Result<Voice> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Voice { pipe, meter, tail: VecDeque::new(), heard: 0 })
    }

    /// Takes what is there and passes it on. False if nothing will come any more.
    pub(super) fn hear(&mut self, mut pass_on: impl FnMut(&[u8])) -> bool {
        let mut buffer = [0; 8192];
        // Not for ever: a worker may write faster than anybody reads.
        for _ in 0..16 {
            match self.meter.take_out(|| rustix::io::read(&self.pipe, &mut buffer)) {
                Ok(0) => return false,
                Ok(count) => {
                    let heard = &buffer[..count];
                    self.heard += count as u64;
                    self.tail.extend(&heard[count.saturating_sub(TAIL_BYTES)..]);
                    let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
                    self.tail.drain(..surplus);
                    pass_on(heard);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return true,
                Err(_) => return false,
            }
        }
        true
    }

    /// The last lines.
    pub(super) fn tail(&mut self) -> String {
        self.tail_from(0)
    }

    /// Those of the last lines that have come since the task began that began last, as far as the worker
    /// could tell.
    pub(super) fn tail_of_task(&mut self) -> String {
        self.tail_from(self.meter.mark())
    }

    fn tail_from(&mut self, position: u64) -> String {
        let first = self.heard - self.tail.len() as u64;
        let skipped = usize::try_from(position.saturating_sub(first)).unwrap_or(usize::MAX);
        let tail = self.tail.make_contiguous();
        let text = String::from_utf8_lossy(&tail[skipped.min(tail.len())..]).into_owned();
        let lines: Vec<&str> = text.trim_end().lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl AsFd for Voice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// The thread that writes to our standard error what workers wrote to theirs. Nobody else waits for
/// whoever reads ours: if that is too slow, some is left out, and it is said how much.
#[derive(Default)]
pub(super) struct Herald {
    sender: Option<SyncSender<Vec<u8>>>,
    left_out: usize,
    progress: Arc<Progress>,
}

/// How far the thread is.
#[derive(Default)]
struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    written: u64,
    ended: bool,
}

/// How many pieces may be waiting to be written.
const BACKLOG: usize = 256;

/// How long the end of a pool waits for whoever reads our standard error and takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);

impl Herald {
    pub(super) fn tell(&mut self, bytes: &[u8]) {
        if self.sender.is_none() {
            self.sender = start(Arc::clone(&self.progress));
        }
        let mut piece = bytes.to_vec();
        if self.left_out > 0 {
            let note = format!("[manyhands: {} bytes of workers left out]\n", self.left_out);
            piece.splice(0..0, note.into_bytes());
        }
        let sent = self.sender.as_ref().map(|sender| sender.try_send(piece));
        match sent {
            Some(Ok(())) => self.left_out = 0,
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => {
                self.left_out += bytes.len();
            }
        }
    }

    /// Waits until everything is written, as long as somebody takes it.
    pub(super) fn finish(mut self) {
        if self.left_out > 0 {
            self.tell(b"");
        }
        if self.sender.take().is_none() {
            return;
        }
        let mut state = self.progress.lock();
        while !state.ended {
            let written = state.written;
            let changed = &self.progress.changed;
            let has_not = |state: &mut State| !state.ended && state.written == written;
            let waited = changed.wait_timeout_while(state, PATIENCE, has_not);
            let (locked, end) = waited.unwrap_or_else(PoisonError::into_inner);
            state = locked;
            if end.timed_out() {
                return; // the thread goes on by itself, if it ever can
            }
        }
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, note: impl FnOnce(&mut State)) {
        note(&mut self.lock());
        self.changed.notify_all();
    }
}

fn start(progress: Arc<Progress>) -> Option<SyncSender<Vec<u8>>> {
    let (sender, receiver) = sync_channel::<Vec<u8>>(BACKLOG);
    let write = move || {
        for piece in receiver {
            // Where there is no standard error nothing is lost that anybody could have read.
            let _closed = io::stderr().write_all(&piece);
            progress.note(|state| state.written += 1);
        }
        progress.note(|state| state.ended = true);
    };
    let builder = std::thread::Builder::new().name("manyhands-stderr".into());
    builder.stack_size(128 * 1024).spawn(write).ok().map(|_runs| sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::channel::Channel;

    fn meter() -> Meter {
        Channel::create().unwrap().0.stderr_meter()
    }

    #[test]
    fn the_last_lines_of_a_task_begin_where_it_began() {
        let (channel, _) = Channel::create().unwrap();
        let worker = channel.stderr_meter();
        let (read, write) = rustix::pipe::pipe().unwrap();
        let mut voice = Voice::of(read, channel.stderr_meter()).unwrap();
        let say = |text: &str| rustix::io::write(&write, text.as_bytes()).unwrap();
        say("first\n");
        worker.set_mark(&write);
        assert!(voice.hear(|_| {}));
        assert_eq!((voice.tail().as_str(), voice.tail_of_task().as_str()), ("first", ""));
        say("second\n");
        assert!(voice.hear(|_| {}));
        assert_eq!(voice.tail_of_task(), "second");
        say("third, before the next one begins\n");
        worker.set_mark(&write);
        say("fourth\n");
        assert!(voice.hear(|_| {}));
        assert_eq!(voice.tail_of_task(), "fourth");
        assert_eq!(voice.tail().lines().count(), 4);
    }

    #[test]
    fn the_end_is_kept_and_everything_is_passed_on() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let mut voice = Voice::of(read, meter()).unwrap();
        let mut passed_on = Vec::new();
        let mut said = Vec::new();
        for line in 0..3000 {
            let line = format!("line {line}\n");
            rustix::io::write(&write, line.as_bytes()).unwrap();
            said.extend_from_slice(line.as_bytes());
            assert!(voice.hear(|bytes| passed_on.extend_from_slice(bytes)));
        }
        assert_eq!(passed_on, said);
        let tail = voice.tail();
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("line 2999"), "{tail}");
        drop(write);
        assert!(!voice.hear(|_| {}));
        assert_eq!(voice.tail(), tail);
    }
}
