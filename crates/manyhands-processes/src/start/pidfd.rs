//! A child by its descriptor: signals, and the status it ended with.
//!
//! The descriptor is readable when the process has ended, for whoever waits for that.
//!
//! A pid may belong to somebody else by the time it is used; the descriptor never does.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use manyhands_executor::WorkerDeath;
use rustix::process::{Signal, WaitId, WaitIdOptions};

use super::oom::OomCount;
use super::reaper;
use crate::exit_status::ExitStatus;

/// A child process. Dropped, it is left alone, and reaped when it ends.
#[derive(Debug)]
pub(crate) struct PidFd {
    /// There until it is dropped.
    fd: Option<OwnedFd>,
    pid: u32,
    status: Mutex<Option<Ended>>,
    killed_by_us: AtomicBool,
    oom_before: OomCount,
}

/// The end of a process, and what may have caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// `None` if somebody else has taken it.
    pub(crate) status: Option<ExitStatus>,
    /// Whether the kernel has probably killed it for want of memory.
    likely_oom: bool,
}

impl Ended {
    /// The same for the error of a task that ran there.
    pub(crate) fn death_of(self, pid: u32) -> WorkerDeath {
        let mut death = WorkerDeath::of(pid);
        death.signal = self.status.and_then(ExitStatus::signal);
        death.exit_code = self.status.and_then(ExitStatus::code);
        death.core_dumped = self.status.is_some_and(ExitStatus::core_dumped);
        death.likely_oom = self.likely_oom;
        death
    }
}

impl PidFd {
    pub(crate) fn new(fd: OwnedFd, pid: u32) -> PidFd {
        PidFd {
            fd: Some(fd),
            pid,
            status: Mutex::new(None),
            killed_by_us: AtomicBool::new(false),
            oom_before: OomCount::now(),
        }
    }

    /// Its number. It may be another process's once this one was reaped.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal; does nothing if the process has ended.
    ///
    /// # Errors
    /// What the operating system says, for instance that the process has changed its user.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        if signal == Signal::KILL {
            self.killed_by_us.store(true, Ordering::Relaxed);
        }
        match rustix::process::pidfd_send_signal(self.as_fd(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How the process ended, if it has; reaps it the first time.
    pub(crate) fn try_wait(&self) -> Option<Ended> {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if status.is_none() {
            *status = self.reap();
        }
        *status
    }

    fn reap(&self) -> Option<Ended> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let status = rustix::io::retry_on_intr(|| {
            rustix::process::waitid(WaitId::PidFd(self.as_fd()), options)
        });
        match status {
            Ok(None) => None,
            Ok(Some(status)) => {
                let status = ExitStatus::of(&status);
                let unasked_kill = status.and_then(ExitStatus::signal)
                    == Some(Signal::KILL.as_raw())
                    && !self.killed_by_us.load(Ordering::Relaxed);
                Some(Ended { status, likely_oom: unasked_kill && self.oom_before.has_risen() })
            }
            // Somebody else in this process has reaped it, or children are not kept: how it ended
            // cannot be known.
            Err(_) if self.has_ended() => Some(Ended { status: None, likely_oom: false }),
            Err(_) => None,
        }
    }

    /// Whether the descriptor says that the process is no more.
    fn has_ended(&self) -> bool {
        let fd = self.as_fd();
        let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
        let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(rustix::event::poll(&mut fds, Some(&at_once)), Ok(1..))
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().expect("the descriptor is taken out in `drop` only").as_fd()
    }
}

impl Drop for PidFd {
    fn drop(&mut self) {
        if self.try_wait().is_none()
            && let Some(fd) = self.fd.take()
        {
            reaper::reap(fd);
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => status.fmt(f),
            None => f.write_str("a status that somebody else has taken"),
        }
    }
}
