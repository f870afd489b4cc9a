//! What wakes a thread that waits for descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

/// A bell: an eventfd. It is readable from when it is rung until it is heard.
#[derive(Debug)]
pub(crate) struct Bell {
    eventfd: OwnedFd,
}

impl Bell {
    /// # Errors
    /// If the operating system grants no descriptor.
    pub(crate) fn new() -> io::Result<Bell> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Bell { eventfd: eventfd(0, flags)? })
    }

    /// The bell behind a descriptor that another process has sent.
    pub(crate) fn of(eventfd: OwnedFd) -> Bell {
        Bell { eventfd }
    }

    /// The same bell.
    ///
    /// # Errors
    /// If the operating system grants no descriptor.
    pub(crate) fn try_clone(&self) -> io::Result<Bell> {
        self.eventfd.try_clone().map(Bell::of)
    }

    pub(crate) fn ring(&self) {
        // Full after 2⁶⁴ rings; a process that is gone needs none.
        let _nothing_to_do = rustix::io::write(&self.eventfd, &1_u64.to_ne_bytes());
    }

    /// Hears all rings so far. Whoever waits for it by its edges need not.
    pub(crate) fn hear(&self) {
        let _count = rustix::io::read(&self.eventfd, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }
}
