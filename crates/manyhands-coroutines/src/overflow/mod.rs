//! What happens when a coroutine overflows its stack: the process ends, as with threads, and says
//! which coroutine it was.
//!
//! ```text
//! coroutine 'crawler' (#17) has overflowed its stack of 256 KiB; recurse less deeply, …
//! ```
//!
//! The guard below the stack makes the overflow a fault (SIGSEGV). A handler, installed when a
//! thread takes its first stack, looks whether the address lies in the guard of the coroutine that
//! runs on the faulting thread, which is the owner of what is in force there ([`Ambient`]). Every other
//! fault goes to the handler that was there before: std's own, which reports overflows of threads,
//! or the program's.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};

use manyhands_wait::Ambient;

use crate::stack::{Stack, StackSize};

mod alternate;
mod handler;
mod message;
#[cfg(test)]
mod tests;

/// What the handler has to know of a coroutine. It lives where the coroutine has a fixed address.
pub(crate) struct Running {
    guard: Range<usize>,
    size: StackSize,
    id: Cell<u64>,
    name: Cell<Option<Arc<str>>>,
    /// Whether the name is being changed right now.
    renaming: Cell<bool>,
    /// Something of the owner's, see [`set_owner`](Running::set_owner).
    owner: Cell<*const ()>,
}

impl Running {
    /// For a coroutine on `stack`, without number and name.
    pub(crate) fn new(stack: &Stack) -> Running {
        Running {
            guard: stack.guard(),
            size: stack.size(),
            id: Cell::new(0),
            name: Cell::new(None),
            renaming: Cell::new(false),
            owner: Cell::new(ptr::null()),
        }
    }

    /// The number that is reported; 0 for none.
    #[inline]
    pub(crate) fn set_id(&self, id: u64) {
        self.id.set(id);
    }

    /// The number that is reported.
    pub(crate) fn id(&self) -> u64 {
        self.id.get()
    }

    /// The name that is reported.
    #[inline]
    pub(crate) fn set_name(&self, name: Option<Arc<str>>) {
        // The fences keep the compiler from moving the change out of what the flag encloses; the
        // handler that looks at it runs on this thread.
        self.renaming.set(true);
        compiler_fence(Ordering::SeqCst);
        let before = self.name.replace(name);
        compiler_fence(Ordering::SeqCst);
        self.renaming.set(false);
        drop(before);
    }

    /// The name that is reported.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        // SAFETY: the reference ends before anybody can change the name, which only this thread does.
        unsafe { (*self.name.as_ptr()).clone() }
    }

    /// The name, for a signal handler on the coroutine's thread; `None` also if it is being changed.
    /// Frees nothing, allocates nothing.
    pub(crate) fn peek_name(&self) -> Option<Arc<str>> {
        if self.renaming.get() {
            return None;
        }
        self.name()
    }

    /// Whether an address lies on the coroutine's stack.
    pub(crate) fn has_on_stack(&self, address: usize) -> bool {
        // The base itself is the end of the outermost frame.
        address >= self.guard.end && address <= self.guard.end + self.size.bytes()
    }

    /// A pointer by which the owner finds itself again. Null for owners that do
    /// not want to be found.
    pub(crate) fn set_owner(&self, owner: *const ()) {
        self.owner.set(owner);
    }

    /// What [`set_owner`](Running::set_owner) has set.
    pub(crate) fn owner(&self) -> *const () {
        self.owner.get()
    }
}

/// Who runs on this thread, null for the thread itself. Valid for as long as that one runs.
fn running() -> *const Running {
    // SAFETY: what is in force stays where it is for as long as its stack runs.
    unsafe { Ambient::in_force().as_ref() }.map_or(ptr::null(), Ambient::owner)
}

/// Has overflows reported that happen on this thread from now on: installs the handler, once for
/// the process, and gives the thread a stack for signals if it has none.
pub(crate) fn prepare_thread() {
    handler::install();
    alternate::ensure();
}
