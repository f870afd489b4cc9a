//! A process that was started: how it ended, signals to it and its group, and taking it away.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::OnceLock;

use manyhands_io::{Direction, Tried, Watched};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::exit_status::ExitStatus;
use crate::spawn::Spawned;
use crate::start::reaper;

/// A child of this process that nobody else waits for.
///
/// It is looked at when it has ended, but stays in the kernel's table until this is dropped. So its
/// number, which is perhaps also that of its group, is not given to anybody else in between, and a
/// signal to the group cannot hit a stranger.
#[derive(Debug)]
pub(super) struct Child {
    pid: i32,
    /// There until it is dropped.
    pidfd: Option<Watched<OwnedFd>>,
    /// Whether it leads a process group of its own.
    leads: bool,
    ended: OnceLock<ExitStatus>,
}

impl Child {
    pub(super) fn new(spawned: Spawned, leads: bool) -> Child {
        let Spawned { pid, pidfd } = spawned;
        Child { pid, pidfd: Some(Watched::new(pidfd)), leads, ended: OnceLock::new() }
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    fn watched(&self) -> &Watched<OwnedFd> {
        self.pidfd.as_ref().expect("the descriptor is taken out only on drop")
    }

    fn descriptor(&self) -> &OwnedFd {
        self.watched().get_ref()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// If somebody else has reaped it, so that nobody can know.
    pub(super) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        if let Some(ended) = self.ended.get() {
            return Ok(Some(*ended));
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let found = look(self.descriptor(), options)?;
        Ok(found.map(|status| *self.ended.get_or_init(|| status)))
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// As above, and those of the reactor.
    pub(super) async fn wait(&self) -> io::Result<ExitStatus> {
        let look = |_: &OwnedFd| match self.try_wait()? {
            Some(status) => Ok(Tried { value: status, drained: false }),
            None => Err(io::ErrorKind::WouldBlock.into()),
        };
        self.watched().when_ready(Direction::Read, look).await
    }

    /// Sends a signal to its group if it leads one, else to itself. Nothing happens if nobody is
    /// left there.
    pub(super) fn signal_all(&self, signal: i32) -> io::Result<()> {
        if !self.leads {
            return self.signal(signal);
        }
        // SAFETY: a system call without pointers. The group is that of our child: the number cannot
        // be anybody else's as long as the child is not reaped, and it is not while `self` lives.
        sent(unsafe { libc::kill(-self.pid, signal) })
    }

    /// Sends a signal to the process alone. Nothing happens if it has ended.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let pidfd = self.descriptor().as_raw_fd();
        let no_details = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, and null is allowed for the details of the signal.
        let result =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, no_details, 0_u32) };
        sent(if result == 0 { 0 } else { -1 })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(pidfd) = self.pidfd.take().map(Watched::into_inner) else { return };
        if matches!(look(&pidfd, WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(None)) {
            reaper::reap(pidfd);
        }
    }
}

/// Asks the kernel how a child ended.
///
/// # Errors
/// `ECHILD` if somebody else has reaped it.
fn look(pidfd: &OwnedFd, options: WaitIdOptions) -> io::Result<Option<ExitStatus>> {
    loop {
        match waitid(WaitId::PidFd(pidfd.as_fd()), options) {
            Ok(status) => return Ok(status.as_ref().and_then(ExitStatus::of)),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn sent(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(error) }
}
