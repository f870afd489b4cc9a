//! Blocking on a word: Linux, by `futex(2)`.

use std::time::{Duration, Instant};

use rustix::thread::futex;

use crate::primitive::AtomicU32;

/// Sleeps while `word` holds `value`, at most until `until`. May return early for no reason.
pub(super) struct Block;

impl Block {
    pub(super) fn new() -> Block {
        Block
    }

    pub(super) fn wait(&self, word: &AtomicU32, value: u32, until: Option<Instant>) {
        let timeout = match until {
            None => None,
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return;
                }
                // A duration that the kernel's clock cannot count is as good as none.
                left.min(Duration::from_secs(u32::MAX.into())).try_into().ok()
            }
        };
        // EAGAIN (the word changed first), EINTR and ETIMEDOUT all mean: look again.
        let _ = futex::wait(word, futex::Flags::PRIVATE, value, timeout.as_ref());
    }

    pub(super) fn wake(&self, word: &AtomicU32) {
        // Waking fails only for a bad address, and `word` is a reference.
        let _ = futex::wake(word, futex::Flags::PRIVATE, 1);
    }
}
