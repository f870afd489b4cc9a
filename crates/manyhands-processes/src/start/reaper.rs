//! Children that nobody holds any more, reaped when they end.
//!
//! One thread, which is there only while there are such children.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::bell::Bell;

/// How long to pause before trying again what the kernel refused.
const PAUSE: Duration = Duration::from_millis(10);

struct Reaper {
    children: Vec<OwnedFd>,
    /// Where the thread is woken, while there is one.
    bell: Option<Bell>,
}

static REAPER: Mutex<Reaper> = Mutex::new(Reaper { children: Vec::new(), bell: None });

/// Reaps the child of this pidfd when it ends.
pub(crate) fn reap(child: OwnedFd) {
    let mut reaper = lock();
    reaper.children.push(child);
    match &reaper.bell {
        Some(bell) => bell.ring(),
        // Without a thread the children stay on the list until the next one comes; when this
        // process ends, the system reaps them.
        None => reaper.bell = start(),
    }
}

fn start() -> Option<Bell> {
    let bell = Bell::new().ok()?;
    let heard = bell.try_clone().ok()?;
    let builder = std::thread::Builder::new().name("manyhands-reaper".into()).stack_size(64 * 1024);
    builder.spawn(move || run(&heard)).ok().map(|_runs| bell)
}

fn run(bell: &Bell) {
    // Those that are waited for here; new ones are taken over from the list.
    let mut children = Vec::new();
    loop {
        {
            let mut reaper = lock();
            children.append(&mut reaper.children);
            children.retain(|child| !is_reaped(child));
            if children.is_empty() {
                reaper.bell = None;
                return;
            }
        }
        let mut fds: Vec<_> =
            children.iter().map(AsFd::as_fd).chain([bell.as_fd()]).map(readable).collect();
        let polled = poll(&mut fds, None);
        if polled.is_err_and(|errno| errno != Errno::INTR) {
            // The kernel has no memory for it, or more is open than is allowed by now.
            manyhands_wait::sleep(PAUSE);
            continue;
        }
        if !fds[children.len()].revents().is_empty() {
            bell.hear();
        }
    }
}

fn is_reaped(child: &OwnedFd) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::PidFd(child.as_fd()), options) {
        Ok(None) | Err(Errno::INTR) => false,
        // An error means that it is not a child any more.
        Ok(Some(_)) | Err(_) => true,
    }
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::from_borrowed_fd(fd, PollFlags::IN)
}

fn lock() -> MutexGuard<'static, Reaper> {
    REAPER.lock().unwrap_or_else(PoisonError::into_inner)
}
