//! Blocking on a word: everywhere else, and under loom, by a mutex and a condition variable.

#[cfg(manyhands_loom)]
use loom::sync::{Condvar, Mutex};
#[cfg(not(manyhands_loom))]
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use crate::primitive::{AtomicU32, Ordering};

/// Sleeps while `word` holds `value`, at most until `until`. May return early for no reason.
pub(super) struct Block {
    turn: Mutex<()>,
    changed: Condvar,
}

impl Block {
    pub(super) fn new() -> Block {
        Block { turn: Mutex::new(()), changed: Condvar::new() }
    }

    pub(super) fn wait(&self, word: &AtomicU32, value: u32, until: Option<Instant>) {
        let mut turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while word.load(Ordering::Acquire) == value {
            turn = match until {
                None => self.changed.wait(turn).unwrap_or_else(std::sync::PoisonError::into_inner),
                // loom has no clock: a timed wait there returns at once, which `wait` may do.
                Some(_) if cfg!(manyhands_loom) => return,
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    self.changed
                        .wait_timeout(turn, left)
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    pub(super) fn wake(&self, _word: &AtomicU32) {
        // The lock orders this wake-up after the sleeper's check of the word.
        drop(self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.changed.notify_one();
    }
}
