//! Whether this process is the worker itself, or a copy that a task has made of it by `fork`.
//!
//! The copy has the worker's memory, its descriptors, and the one thread that runs tasks. If it went on
//! it would take tasks and write outcomes beside the worker.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags};

/// Says whether this process is the one in which it was made.
///
/// The answer lies in a page that the kernel empties in every copy, so asking is a load. Where there is
/// no such page the system is asked for the process's number each time.
#[derive(Debug)]
pub(super) struct Original {
    page: Option<NonNull<AtomicU32>>,
    pid: u32,
}

impl Original {
    /// This process.
    pub(super) fn new() -> Original {
        let page = emptied_in_copies();
        let original = Original { page, pid: std::process::id() };
        if let Some(word) = original.word() {
            word.store(1, Ordering::Relaxed);
        }
        original
    }

    /// Whether this process is the one in which this was made.
    pub(super) fn is_here(&self) -> bool {
        match self.word() {
            Some(word) => word.load(Ordering::Relaxed) != 0,
            None => std::process::id() == self.pid,
        }
    }

    fn word(&self) -> Option<&AtomicU32> {
        // SAFETY: the page is mapped until `self` is dropped, is reached as this atomic alone, and any
        // content is valid for it.
        self.page.map(|page| unsafe { page.as_ref() })
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        if let Some(page) = self.page {
            // SAFETY: mapped by `emptied_in_copies` with this length; whoever had a reference into it
            // had borrowed `self`. It fails only for an address that was never mapped.
            let _always_works =
                unsafe { rustix::mm::munmap(page.as_ptr().cast(), rustix::param::page_size()) };
        }
    }
}

/// A page that is zero in every copy of this process. `None` if the kernel has none.
fn emptied_in_copies() -> Option<NonNull<AtomicU32>> {
    let length = rustix::param::page_size();
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses overlaps nothing.
    let page =
        unsafe { rustix::mm::mmap_anonymous(null_mut(), length, protection, MapFlags::PRIVATE) };
    let page = page.ok()?;
    // SAFETY: the page was mapped just now, and its content in copies is what is asked for.
    let advised = unsafe { rustix::mm::madvise(page, length, Advice::LinuxWipeOnFork) };
    if advised.is_err() {
        // SAFETY: mapped above; nobody else knows of it.
        let _always_works = unsafe { rustix::mm::munmap(page, length) };
        return None;
    }
    NonNull::new(page.cast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_here_in_a_copy(original: &Original) -> bool {
        // SAFETY: the copy asks, and ends.
        let copy = unsafe { libc::fork() };
        if copy == 0 {
            let answer = i32::from(original.is_here());
            // SAFETY: ends the copy.
            unsafe { libc::_exit(answer) };
        }
        assert!(copy > 0);
        let mut status = 0;
        // SAFETY: the copy is a child of this process that nobody else waits for.
        assert_eq!(unsafe { libc::waitpid(copy, &raw mut status, 0) }, copy);
        assert!(libc::WIFEXITED(status));
        libc::WEXITSTATUS(status) == 1
    }

    #[test]
    fn a_copy_knows_that_it_is_one() {
        let original = Original::new();
        assert!(original.is_here());
        assert!(!is_here_in_a_copy(&original));
        assert!(original.is_here());
        let without_page = Original { page: None, pid: std::process::id() };
        assert!(without_page.is_here() && !is_here_in_a_copy(&without_page));
    }
}
