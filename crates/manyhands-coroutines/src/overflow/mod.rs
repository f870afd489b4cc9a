//! What happens when a coroutine overflows its stack: the process ends, as with threads, and says
//! which coroutine it was.
//!
//! ```text
//! coroutine 'crawler' (#17) has overflowed its stack of 256 KiB; recurse less deeply, …
//! ```
//!
//! The guard below the stack makes the overflow a fault (SIGSEGV). A handler, installed when a
//! thread takes its first stack, looks whether the address lies in the guard of the coroutine that
//! runs on the faulting thread; [`enter`] and [`restore`] tell it which one that is. Every other
//! fault goes to the handler that was there before: std's own, which reports overflows of threads,
//! or the program's.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};

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
    /// Whom the thread was running when this coroutine was left: itself (null), or a coroutine that
    /// it had resumed and that suspended both.
    innermost: Cell<*const Running>,
    /// Something of the owner's, see [`set_owner`](Running::set_owner).
    owner: Cell<*const ()>,
}

thread_local! {
    /// The coroutine that runs on this thread. Has no destructor, so that the handler may read it at
    /// any time.
    static RUNNING: Cell<*const Running> = const { Cell::new(ptr::null()) };
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
            innermost: Cell::new(ptr::null()),
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

    /// A pointer by which the owner finds itself again from [`running`]. Null for owners that do
    /// not want to be found.
    pub(crate) fn set_owner(&self, owner: *const ()) {
        self.owner.set(owner);
    }

    /// What [`set_owner`](Running::set_owner) has set.
    pub(crate) fn owner(&self) -> *const () {
        self.owner.get()
    }
}

/// Who ran on the thread before [`enter`].
#[must_use = "whoever ran before runs again after the switch back"]
pub(crate) struct Previous {
    outer: *const Running,
    entered: *const Running,
}

/// Says that `running` runs on this thread from now on.
///
/// # Safety
/// `running` must stay where it is until [`restore`], and the thread must leave its stack only by
/// way of `restore`.
#[inline]
pub(crate) unsafe fn enter(running: &Running) -> Previous {
    let innermost = running.innermost.get();
    let entered = if innermost.is_null() { ptr::from_ref(running) } else { innermost };
    Previous { outer: RUNNING.replace(entered), entered: running }
}

/// Says that whoever ran before runs again.
///
/// # Safety
/// `previous` must be that of the last [`enter`] on this thread that was not restored yet, and both
/// that one and the one before must still be where they were.
#[inline]
pub(crate) unsafe fn restore(previous: Previous) {
    let innermost = RUNNING.replace(previous.outer);
    // SAFETY: by contract `entered` is still there.
    unsafe { (*previous.entered).innermost.set(innermost) };
}

/// Says that `running`, null for the thread itself, runs on this thread from now on; returns who did.
/// For coroutines that never leave the thread together with one that they have resumed: all that
/// [`enter`] and [`restore`] do besides is for those.
///
/// # Safety
/// `running` must stay where it is until another one is said to run.
#[inline]
pub(crate) unsafe fn replace(running: *const Running) -> *const Running {
    RUNNING.replace(running)
}

/// Who runs on this thread, null for the thread itself. Valid for as long as that one runs.
#[inline]
pub(crate) fn running() -> *const Running {
    RUNNING.get()
}

/// Has overflows reported that happen on this thread from now on: installs the handler, once for
/// the process, and gives the thread a stack for signals if it has none.
pub(crate) fn prepare_thread() {
    handler::install();
    alternate::ensure();
}
