//! The stacks that a thread keeps for itself: last in, first out, because the stack that was used
//! last is still in the cache. No lock and no atomic read-modify-write.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::StackError;
use super::pool::{BATCH, POOL};
use super::size::StackSize;
use super::slab::Base;
use crate::overflow;

/// How many stacks a thread keeps for itself.
pub(super) const KEPT_MAX: usize = 256;

/// Takes a stack of this thread's, or from the pool.
#[inline]
pub(super) fn take(size: StackSize) -> Result<Base, StackError> {
    match HOT.try_with(|hot| hot.borrow_mut().take(size)) {
        Ok(taken) => taken,
        // The thread is ending.
        Err(_) => take_one_from_pool(size),
    }
}

/// Gives a stack back to this thread's, or to the pool.
#[inline]
pub(super) fn give(base: Base, size: StackSize) {
    if HOT.try_with(|hot| hot.borrow_mut().give(base, size)).is_err() {
        POOL.give(size, [base]);
    }
}

/// Gives all that this thread keeps to the pool.
pub(super) fn flush() {
    // While the thread ends, it keeps nothing.
    let _ = HOT.try_with(|hot| hot.borrow_mut().flush());
}

/// Whether this thread has begun to drop its thread-locals, these stacks among them.
pub(crate) fn thread_is_ending() -> bool {
    HOT.try_with(|_| ()).is_err()
}

thread_local! {
    static HOT: RefCell<Hot> = RefCell::new(Hot::register());
}

/// What a thread keeps: one shelf for each size it uses, in practice one.
struct Hot {
    shelves: Vec<Shelf>,
    /// How many there are on all shelves; read by other threads for the statistics.
    kept: Arc<AtomicUsize>,
}

struct Shelf {
    size: StackSize,
    bases: Vec<Base>,
}

impl Hot {
    fn register() -> Hot {
        // The first stack of this thread: from now on it may overflow one.
        overflow::prepare_thread();
        let kept = Arc::new(AtomicUsize::new(0));
        POOL.register(&kept);
        Hot { shelves: Vec::new(), kept }
    }

    #[inline]
    fn take(&mut self, size: StackSize) -> Result<Base, StackError> {
        if let Some(shelf) = self.shelves.iter_mut().find(|shelf| shelf.size == size)
            && let Some(base) = shelf.bases.pop()
        {
            self.kept.store(self.kept.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
            return Ok(base);
        }
        self.refill(size)
    }

    #[inline]
    fn give(&mut self, base: Base, size: StackSize) {
        let kept = self.kept.load(Ordering::Relaxed);
        if kept < KEPT_MAX
            && let Some(shelf) = self.shelves.iter_mut().find(|shelf| shelf.size == size)
        {
            shelf.bases.push(base);
            self.kept.store(kept + 1, Ordering::Relaxed);
        } else {
            self.give_slowly(base, size);
        }
    }

    #[cold]
    fn refill(&mut self, size: StackSize) -> Result<Base, StackError> {
        let room = KEPT_MAX - self.kept.load(Ordering::Relaxed);
        let shelf = self.shelf(size);
        POOL.take(size, BATCH.min(room + 1), &mut shelf.bases)?;
        let base = shelf.bases.pop().expect("the pool gives at least one stack, or an error");
        self.count();
        Ok(base)
    }

    #[cold]
    fn give_slowly(&mut self, base: Base, size: StackSize) {
        let full = self.kept.load(Ordering::Relaxed) >= KEPT_MAX;
        let shelf = self.shelf(size);
        shelf.bases.push(base);
        if full {
            // The oldest go; what was used last stays.
            let oldest = shelf.bases.len().min(BATCH);
            POOL.give(size, shelf.bases.drain(..oldest));
        }
        self.count();
    }

    #[cold]
    fn flush(&mut self) {
        for shelf in &mut self.shelves {
            POOL.give(shelf.size, shelf.bases.drain(..));
        }
        self.count();
    }

    fn shelf(&mut self, size: StackSize) -> &mut Shelf {
        let at = self.shelves.iter().position(|shelf| shelf.size == size).unwrap_or_else(|| {
            self.shelves.push(Shelf { size, bases: Vec::with_capacity(BATCH) });
            self.shelves.len() - 1
        });
        &mut self.shelves[at]
    }

    fn count(&self) {
        let kept = self.shelves.iter().map(|shelf| shelf.bases.len()).sum();
        self.kept.store(kept, Ordering::Relaxed);
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cold]
fn take_one_from_pool(size: StackSize) -> Result<Base, StackError> {
    let mut one = Vec::with_capacity(1);
    POOL.take(size, 1, &mut one)?;
    Ok(one.pop().expect("the pool gives at least one stack, or an error"))
}
