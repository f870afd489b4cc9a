//! Who reaps the programs that nobody waits for any more: those that were let go, and those that
//! were killed and are about to end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use rustix::process::WaitIdOptions;

use super::child::look;

/// How long to pause before trying again what the kernel refused.
const PAUSE: Duration = Duration::from_millis(10);

/// What the thread and those who bring it work share. The thread lives as long as there is work.
static STATE: Mutex<State> = Mutex::new(State { brought: Vec::new(), bell: None });

struct State {
    /// What the thread has not yet taken.
    brought: Vec<OwnedFd>,
    /// Wakes the thread; there while it runs.
    bell: Option<OwnedFd>,
}

/// Reaps the child of this descriptor when it has ended, in the background.
pub(super) fn reap_later(pidfd: OwnedFd) {
    let mut state = lock();
    state.brought.push(pidfd);
    if let Some(bell) = &state.bell {
        // It cannot fail but by overflow, and then the bell has been rung often enough.
        let _rung = rustix::io::write(bell, &1_u64.to_ne_bytes());
        return;
    }
    // Without the means for it (descriptors, threads), the next call tries again.
    if let Ok((ours, theirs)) = new_bell() {
        state.bell = Some(ours);
        let started = std::thread::Builder::new()
            .name("manyhands-reaper".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || run(&theirs));
        if started.is_err() {
            state.bell = None;
        }
    }
}

fn new_bell() -> io::Result<(OwnedFd, OwnedFd)> {
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let theirs = bell.try_clone()?;
    Ok((bell, theirs))
}

fn run(bell: &OwnedFd) {
    let mut children: Vec<OwnedFd> = Vec::new();
    loop {
        {
            let mut state = lock();
            children.append(&mut state.brought);
            if children.is_empty() {
                state.bell = None;
                return;
            }
        }
        let mut polled = vec![PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN)];
        polled.extend(children.iter().map(|child| PollFd::new(child, PollFlags::IN)));
        let ready = poll(&mut polled, None);
        drop(polled);
        if ready.is_err_and(|errno| errno != Errno::INTR) {
            // The kernel has no memory for it, or more is open than is allowed by now.
            manyhands_wait::sleep(PAUSE);
        }
        let mut count = [0; 8];
        let _emptied = rustix::io::read(bell, &mut count);
        // One that somebody else has reaped is gone, too.
        children.retain(|child| {
            matches!(look(child, WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(None))
        });
    }
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
