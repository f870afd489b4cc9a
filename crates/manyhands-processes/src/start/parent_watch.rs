//! A worker ends when its parent does, whatever ends that and whatever the worker does meanwhile.
//!
//! One thread sleeps on the parent's pidfd, which the parent itself has made: there is no moment at
//! which a parent that is gone could be taken for another process.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};

/// Watches from now on.
///
/// # Errors
/// If the operating system does not grant a thread.
pub(super) fn start(parent: OwnedFd) -> io::Result<()> {
    // It calls nothing that needs much of a stack; std reserves a little more for itself.
    let builder = std::thread::Builder::new().name("manyhands-parent".into()).stack_size(64 * 1024);
    builder.spawn(move || watch(&parent)).map(drop)
}

/// Waits for the end of the process of this pidfd, in one whose only business that is.
pub(crate) fn wait_for_end_of(process: &OwnedFd) {
    // Anything but "it has ended" is an interruption.
    while !matches!(poll(&mut [PollFd::new(process, PollFlags::IN)], None), Ok(1..)) {}
}

fn watch(parent: &OwnedFd) {
    wait_for_end_of(parent);
    // Nobody is left to be told anything; destructors and handlers of `exit` might hang.
    // SAFETY: ends the process.
    unsafe { libc::_exit(super::takeover::ORPHANED) }
}
