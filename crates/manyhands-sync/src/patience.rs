//! When a waiter is handed a lock, instead of being woken to try for it.

use std::time::{Duration, Instant};

/// A waiter that has waited for so long is handed the lock, so that nobody is quicker; and after a waiter
/// was handed it, the next one is handed it so much later at the earliest.
const PATIENCE: Duration = Duration::from_micros(500);

/// Decides for one lock whose turn it is.
pub(crate) struct Patience {
    /// When a waiter was last handed the lock.
    handed_at: Option<Instant>,
}

impl Patience {
    pub(crate) const fn new() -> Patience {
        Patience { handed_at: None }
    }

    /// Whether the first in the queue, which has waited for as long and was woken in vain so often, is
    /// handed the lock at this moment.
    pub(crate) fn is_over(&mut self, now: Instant, since: Instant, tries: u32) -> bool {
        let is_long = |since| now.saturating_duration_since(since) >= PATIENCE;
        let is_over = if cfg!(manyhands_loom) {
            // A model takes the same steps each time, whatever a clock says.
            tries >= 1
        } else {
            is_long(since) && self.handed_at.is_none_or(is_long)
        };
        if is_over {
            self.handed_at = Some(now);
        }
        is_over
    }

    /// Whoever was handed the lock has gone away without it: the next need not wait for that.
    pub(crate) fn take_back(&mut self) {
        self.handed_at = None;
    }
}
