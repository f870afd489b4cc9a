//! Stacks for coroutines: guarded, lazily committed, cheap to take and to give back.
//!
//! [`Stack`] is what a coroutine runs on. Stacks are cut from slabs of one `mmap` each, so that
//! hundreds of thousands of them, every one with a guard below it, take a handful of memory
//! mappings. Memory is committed as it is touched: a stack of 256 KiB that has used 3 KiB costs
//! one page.
//!
//! A stack that is given back is kept, in a list of its thread first and then in a pool of the
//! process, because the first touch of a page costs more than a thousand switches. Idle stacks
//! beyond [`set_idle_max`] give their memory back to the system, in batches.
//!
//! States, invariants and rejected designs are in `README.md` beside this file.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

mod error;
mod guard;
mod hot;
mod pool;
mod size;
mod slab;
#[cfg(test)]
mod tests;

pub use error::{StackError, StackErrorKind};
pub use guard::GuardMethod;
pub use pool::Statistics;
pub use size::StackSize;

pub(crate) use hot::thread_is_ending;
pub(crate) use size::page_bytes;

use pool::POOL;
use slab::{Base, GUARD_BYTES};

/// A stack with a guard below it. Dropped, it is kept for the next coroutine.
///
/// A coroutine takes one by itself; programs need this type only to run corosensei's coroutines on
/// it, for which it implements [`corosensei::stack::Stack`].
///
/// ```
/// use manyhands_coroutines::stack::{Stack, StackSize};
///
/// let stack = Stack::new(StackSize::DEFAULT)?;
/// assert_eq!(stack.size().bytes(), 256 * 1024);
/// # Ok::<(), manyhands_coroutines::stack::StackError>(())
/// ```
pub struct Stack {
    base: Base,
    size: StackSize,
}

impl Stack {
    /// Takes a stack: one that this thread has just used if there is one, else one from the pool of
    /// the process, else a new one.
    ///
    /// # Errors
    /// [`StackError`] if the system gives no more memory; it says which limit was hit.
    #[inline]
    pub fn new(size: StackSize) -> Result<Stack, StackError> {
        Ok(Stack { base: hot::take(size)?, size })
    }

    /// One whose guard is made as on kernels without markers. Not to be dropped: it would end up
    /// among the others.
    #[cfg(test)]
    pub(crate) fn guarded_by_protection() -> Stack {
        let (size, mut one) = (StackSize::DEFAULT, Vec::new());
        pool::Pool::new(GuardMethod::Protection).take(size, 1, &mut one).unwrap();
        Stack { base: one[0], size }
    }

    /// How much of it can be used.
    #[inline]
    pub fn size(&self) -> StackSize {
        self.size
    }

    /// The addresses of the guard: whoever touches them has overflowed the stack.
    #[inline]
    pub fn guard(&self) -> Range<usize> {
        let top_of_guard = self.base.get() - self.size.bytes();
        top_of_guard - GUARD_BYTES..top_of_guard
    }
}

impl Drop for Stack {
    #[inline]
    fn drop(&mut self) {
        hot::give(self.base, self.size);
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("base", &format_args!("{:#x}", self.base))
            .field("size", &self.size)
            .finish()
    }
}

// SAFETY: `base` is the page-aligned top of at least `StackSize::MIN` writable bytes, more than the
// 4096 that are asked for, with an inaccessible guard right below them, and nobody else has them
// until this value is dropped: the pool hands each stack to one owner at a time. `limit` is the
// lower end of the guard, page-aligned too.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        self.base
    }

    #[inline]
    fn limit(&self) -> NonZeroUsize {
        let limit = self.base.get() - self.size.bytes() - GUARD_BYTES;
        NonZeroUsize::new(limit).expect("the kernel maps nothing at address 0")
    }
}

/// How many stacks there are, and in which state.
///
/// Cheap, but not free: it takes the pool's lock. Counts of other threads are those of a moment ago.
pub fn statistics() -> Statistics {
    POOL.statistics()
}

/// What [`trim`] does on the calling thread.
pub(crate) fn trim_here() -> usize {
    hot::flush();
    POOL.trim()
}

static IDLE_MAX: AtomicUsize = AtomicUsize::new(pool::IDLE_MAX_DEFAULT);
/// Goes up by one whenever idle stacks are to give back memory.
static TRIMS: AtomicUsize = AtomicUsize::new(0);

/// A number that changes whenever hubs are to let go of coroutines without work.
pub(crate) fn trims() -> usize {
    TRIMS.load(Ordering::Relaxed)
}

/// What [`set_idle_max`] has set: also the most coroutines without work that a hub keeps, stacks and
/// all.
pub(crate) fn idle_max() -> usize {
    IDLE_MAX.load(Ordering::Relaxed)
}

/// Gives the memory of idle stacks back to the system now: of all in the pool of the process and of
/// those this thread has kept for itself. Returns how many stacks that were.
///
/// Their addresses stay reserved, which costs no memory. What other threads keep for themselves (at
/// most 256 stacks each) stays with them. The coroutines without work that a hub keeps for the next
/// jobs are let go, stacks and all, in the hub's next turn.
pub fn trim() -> usize {
    TRIMS.fetch_add(1, Ordering::Relaxed);
    trim_here()
}

/// How many idle stacks of the process keep their memory, besides the at most 256 that each thread
/// keeps for itself. Default: 4096; a stack typically keeps 4 to 12 KiB.
///
/// More makes waves of many coroutines cheaper, fewer saves memory between the waves. It applies
/// when a stack is given back the next time; [`trim`] works at once.
pub fn set_idle_max(stacks: usize) {
    IDLE_MAX.store(stacks, Ordering::Relaxed);
    TRIMS.fetch_add(1, Ordering::Relaxed);
    POOL.set_idle_max(stacks);
}
