//! Models of the primitives, explored by loom: all interleavings, and all values that the memory model
//! lets a load see.
//!
//! ```sh
//! RUSTFLAGS="--cfg manyhands_loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --release -p manyhands-sync --test loom
//! ```
//!
//! A lost wake-up shows as loom's report that all threads are blocked. What a lock guards is a cell whose
//! accesses loom checks: two holders at a time, or a holder that does not see what the one before has
//! done, are reported. Time is out of the models: a waiter is handed the lock when it was woken in vain
//! once.
#![cfg(manyhands_loom)]

mod barrier;
mod mutex;
mod queue;
mod rwlock;
mod semaphore;
mod short_lock;
mod signals;

use loom::cell::UnsafeCell;

/// Explores a model that is too large for all interleavings: those with at most this many switches
/// away from a thread that could go on, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn model_bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(model);
}

/// A number that a lock has to guard.
struct Counter(UnsafeCell<u32>);

// SAFETY: the models reach it under a lock, and loom checks that.
unsafe impl Sync for Counter {}

impl Counter {
    fn new() -> Counter {
        Counter(UnsafeCell::new(0))
    }

    fn add_one(&self) {
        // SAFETY: loom checks that nobody else has access.
        self.0.with_mut(|number| unsafe { *number += 1 });
    }

    fn get(&self) -> u32 {
        // SAFETY: loom checks that nobody changes it.
        self.0.with(|number| unsafe { *number })
    }
}
