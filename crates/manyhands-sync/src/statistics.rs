//! What a lock has counted.

use std::time::Duration;

/// What a lock has counted since it was made, as its `statistics()` tell it.
///
/// Only what costs nothing while nobody waits: a lock that is taken without waiting counts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LockStatistics {
    /// How many times somebody has got it after having waited for it.
    pub contended: u64,
    /// How many of those were handed it by its holder, because others had been quicker before.
    pub handed_over: u64,
    /// The longest wait that ended with the lock.
    pub wait_max: Duration,
    /// All waits that ended with the lock together.
    pub wait_total: Duration,
    /// How many wait for it right now.
    pub waiting: usize,
}

impl LockStatistics {
    pub(crate) const NONE: LockStatistics = LockStatistics {
        contended: 0,
        handed_over: 0,
        wait_max: Duration::ZERO,
        wait_total: Duration::ZERO,
        waiting: 0,
    };

    /// A wait has ended with the lock.
    pub(crate) fn count(&mut self, waited: Duration) {
        self.contended += 1;
        self.wait_max = self.wait_max.max(waited);
        self.wait_total = self.wait_total.saturating_add(waited);
    }
}
