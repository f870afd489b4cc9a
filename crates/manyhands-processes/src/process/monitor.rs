//! The one thread that sees to all processes of [`Process`](crate::Process): takes in what they
//! send, so that none of them waits for somebody to join it; reaps them; and ends their tasks.
//!
//! It is there only while there are such processes.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use manyhands_executor::{Dispatched, TaskError, TaskErrorKind};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::process::Signal;

use super::child::FDS_MAX;
use super::exit;
use super::registry::{self, Child};
use crate::bell::Bell;
use crate::memory::attachments::Travel;
use crate::memory::{beside, message};
use crate::start::Ended;

/// How long to pause before trying again what the kernel refused.
const PAUSE: Duration = Duration::from_millis(10);

/// The longest outcome of a function, in bytes.
const OUTCOME_MAX: u64 = 4 << 30;

/// One process as the thread sees it.
pub(super) struct Watched {
    child: Arc<Child>,
    /// Closed when the process has closed it.
    control: Option<UnixStream>,
    /// There until the process has ended.
    call: Option<Dispatched>,
    received: Received,
}

/// What has come of an outcome: its length as eight bytes, and the outcome itself.
#[derive(Default)]
struct Received {
    length: Vec<u8>,
    outcome: Vec<u8>,
    /// The descriptors that came with it.
    fds: Vec<Arc<OwnedFd>>,
}

impl Watched {
    pub(super) fn new(child: Arc<Child>, control: UnixStream, call: Dispatched) -> Watched {
        let received = Received::default();
        Watched { child, control: Some(control), call: Some(call), received }
    }

    /// Takes in what there is; true when the process has ended.
    fn look(&mut self) -> bool {
        // First: what was sent before the end is there when the end is seen.
        let ended = self.child.process.try_wait();
        self.take_in();
        if let Some(ended) = ended {
            self.end(ended);
        }
        ended.is_some()
    }

    fn take_in(&mut self) {
        let Some(control) = &self.control else { return };
        match self.received.take_in(control) {
            Ok(true) => {}
            Ok(false) => self.control = None,
            Err(_hostile) => {
                self.control = None;
                self.received = Received::default();
                // It has broken its word; its end will be the error.
                let _ended = self.child.process.signal(Signal::KILL);
            }
        }
    }

    fn end(&mut self, ended: Ended) {
        let Some(call) = self.call.take() else { return };
        match self.received.whole() {
            Some(outcome) => match message::unpack(outcome, self.received.fds.clone()) {
                Ok((outcome, attachments)) => {
                    call.complete_encoded_with(&outcome, &mut Travel::with(attachments));
                }
                Err(error) => call.fail(TaskError::new(
                    TaskErrorKind::Codec,
                    format!("what the process '{}' returned was refused: {error}", self.child.name),
                )),
            },
            None => call.fail(died(&self.child, ended)),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.call.is_some() {
            let _ended = self.child.process.signal(Signal::KILL);
        }
        registry::remove(&self.child);
    }
}

impl Received {
    /// Reads what is there now. False at the end.
    fn take_in(&mut self, control: &UnixStream) -> Result<bool, Hostile> {
        const AT_ONCE: usize = 64 * 1024;
        loop {
            let (target, missing) = match <[u8; 8]>::try_from(&self.length[..]) {
                Err(_) => {
                    let missing = 8 - self.length.len();
                    (&mut self.length, missing)
                }
                Ok(length) => {
                    let length = u64::from_le_bytes(length);
                    if length > OUTCOME_MAX {
                        return Err(Hostile);
                    }
                    let missing = length - self.outcome.len() as u64;
                    (&mut self.outcome, usize::try_from(missing).unwrap_or(AT_ONCE))
                }
            };
            // Room is made for what has come, not for what was announced.
            let before = target.len();
            target.resize(before + missing.clamp(1, AT_ONCE.max(before)), 0);
            let result = receive(control, &mut target[before..], &mut self.fds);
            target.truncate(before + result.as_ref().copied().unwrap_or(0));
            match result {
                Ok(0) => return Ok(false),
                Ok(_) if missing == 0 => return Err(Hostile),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_reset) => return Ok(false),
            }
        }
    }

    fn whole(&self) -> Option<&[u8]> {
        let length = <[u8; 8]>::try_from(&self.length[..]).ok()?;
        (u64::from_le_bytes(length) == self.outcome.len() as u64).then_some(&self.outcome)
    }
}

/// Reads what is there, and takes the descriptors that come with it.
fn receive(
    control: &UnixStream,
    into: &mut [u8],
    fds: &mut Vec<Arc<OwnedFd>>,
) -> io::Result<usize> {
    let received = beside::receive(control, into, RecvFlags::empty())?;
    // More than it may send are closed.
    let room = FDS_MAX.saturating_sub(fds.len());
    fds.extend(received.fds.into_iter().take(room).map(Arc::new));
    Ok(received.bytes)
}

/// What came was no outcome.
struct Hostile;

fn died(child: &Child, ended: Ended) -> TaskError {
    if child.ends_with_program() {
        // What was asked for is no failure, and nobody is left to look at it.
        let message = format!("the daemon '{}' was terminated when the program ended", child.name);
        return TaskError::new(TaskErrorKind::Cancelled, message);
    }
    TaskError::worker_died(ended.death_of(child.process.pid()))
}

struct Monitor {
    /// Those that the thread has not taken over yet.
    new: Vec<Watched>,
    /// Where the thread is woken, while there is one.
    bell: Option<Bell>,
}

static MONITOR: Mutex<Monitor> = Mutex::new(Monitor { new: Vec::new(), bell: None });

/// Sees to this process from now on.
///
/// # Errors
/// If there is no thread for it; the process is killed then.
pub(super) fn watch(watched: Watched) -> io::Result<()> {
    exit::AT_EXIT.arm();
    registry::add(Arc::clone(&watched.child));
    let mut monitor = lock();
    match &monitor.bell {
        Some(bell) => bell.ring(),
        None => monitor.bell = Some(start()?),
    }
    monitor.new.push(watched);
    Ok(())
}

fn start() -> io::Result<Bell> {
    let bell = Bell::new()?;
    let heard = bell.try_clone()?;
    std::thread::Builder::new().name("manyhands-processes".into()).spawn(move || run(&heard))?;
    Ok(bell)
}

thread_local! {
    static IS_MONITOR: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller is called by the thread that sees to all processes, which cannot wait for one.
pub(super) fn is_here() -> bool {
    IS_MONITOR.try_with(Cell::get).unwrap_or(false)
}

fn run(bell: &Bell) {
    IS_MONITOR.set(true);
    let mut all: Vec<Watched> = Vec::new();
    loop {
        {
            let mut monitor = lock();
            all.append(&mut monitor.new);
            if all.is_empty() {
                monitor.bell = None;
                return;
            }
        }
        wait(&all, bell);
        // Their tasks end here, and code of the program may be called: after the lock is released.
        all.retain_mut(|watched| !watched.look());
    }
}

/// Waits until something has happened to any of them.
fn wait(all: &[Watched], bell: &Bell) {
    let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
    let mut fds = Vec::with_capacity(1 + 2 * all.len());
    fds.push(readable(bell.as_fd()));
    for watched in all {
        fds.push(readable(watched.child.process.as_fd()));
        fds.extend(watched.control.as_ref().map(|control| readable(control.as_fd())));
    }
    if poll(&mut fds, None).is_err_and(|errno| errno != Errno::INTR) {
        // The kernel has no memory for it, or more is open than is allowed by now.
        manyhands_wait::sleep(PAUSE);
    }
    if !fds[0].revents().is_empty() {
        bell.hear();
    }
}

fn lock() -> MutexGuard<'static, Monitor> {
    MONITOR.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// What is made of these bytes, written one after the other and then no more.
    fn received(pieces: &[&[u8]]) -> Option<Vec<u8>> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut received = Received::default();
        for piece in pieces {
            theirs.write_all(piece).unwrap();
            match received.take_in(&ours) {
                Ok(open) => assert!(open),
                Err(Hostile) => return None,
            }
        }
        drop(theirs);
        match received.take_in(&ours) {
            Ok(open) => assert!(!open),
            Err(Hostile) => return None,
        }
        received.whole().map(<[u8]>::to_vec)
    }

    #[test]
    fn an_outcome_is_whole_however_it_comes() {
        let length = 5_u64.to_le_bytes();
        assert_eq!(received(&[&length, b"value"]).unwrap(), b"value");
        let all = [&length[..], b"value"].concat();
        let bytes: Vec<_> = all.chunks(1).collect();
        assert_eq!(received(&bytes).unwrap(), b"value");
        assert_eq!(received(&[&all]).unwrap(), b"value");
        assert_eq!(received(&[&[0; 8]]).unwrap(), b"");
    }

    #[test]
    fn a_part_of_an_outcome_is_none() {
        let all = [&5_u64.to_le_bytes()[..], b"value"].concat();
        for length in 0..all.len() {
            assert!(received(&[&all[..length]]).is_none(), "{length}");
        }
    }

    #[test]
    fn hostile_lengths_and_what_follows_the_outcome_are_refused() {
        assert!(received(&[&u64::MAX.to_le_bytes(), b"value"]).is_none());
        assert!(received(&[&(OUTCOME_MAX + 1).to_le_bytes()]).is_none());
        // Announced, and never sent: nothing is allocated for it.
        assert!(received(&[&OUTCOME_MAX.to_le_bytes(), b"value"]).is_none());
        assert!(received(&[&5_u64.to_le_bytes(), b"value and more"]).is_none());
    }
}
