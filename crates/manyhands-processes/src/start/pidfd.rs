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

use rustix::process::{Signal, WaitId, WaitIdOptions};

use super::oom::OomCount;
use super::reaper;

/// A child process. Dropped, it is left alone, and reaped when it ends.
#[derive(Debug)]
pub(crate) struct PidFd {
    /// There until it is dropped.
    fd: Option<OwnedFd>,
    pid: u32,
    status: Mutex<Option<ExitStatus>>,
    killed_by_us: AtomicBool,
    oom_before: OomCount,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExitStatus {
    /// What it passed to `exit`, if it did.
    pub(crate) code: Option<i32>,
    /// The signal that killed it, if one did.
    pub(crate) signal: Option<i32>,
    /// Whether that wrote a core dump.
    pub(crate) core_dumped: bool,
    /// Whether the kernel has probably killed it for want of memory.
    pub(crate) likely_oom: bool,
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
    pub(crate) fn try_wait(&self) -> Option<ExitStatus> {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if status.is_none() {
            *status = self.reap();
        }
        *status
    }

    fn reap(&self) -> Option<ExitStatus> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let status = rustix::io::retry_on_intr(|| {
            rustix::process::waitid(WaitId::PidFd(self.as_fd()), options)
        });
        match status {
            Ok(None) => None,
            Ok(Some(status)) => {
                let signal = status.terminating_signal();
                let unasked_kill = signal == Some(Signal::KILL.as_raw())
                    && !self.killed_by_us.load(Ordering::Relaxed);
                Some(ExitStatus {
                    code: status.exit_status(),
                    signal,
                    core_dumped: status.dumped(),
                    likely_oom: unasked_kill && self.oom_before.has_risen(),
                })
            }
            // Somebody else in this process has reaped it, or children are not kept: how it ended
            // cannot be known.
            Err(_) if self.has_ended() => {
                Some(ExitStatus { code: None, signal: None, core_dumped: false, likely_oom: false })
            }
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

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => {
                let core = if self.core_dumped { ", core dumped" } else { "" };
                write!(f, "signal {signal}{core}")
            }
            (None, None) => f.write_str("a status that somebody else has taken"),
        }
    }
}
