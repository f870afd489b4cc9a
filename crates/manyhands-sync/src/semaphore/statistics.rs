//! What a semaphore has counted.

/// What a semaphore has counted since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SemaphoreStatistics {
    /// How many times permits were acquired.
    pub acquired: u64,
    /// How many of those had to wait.
    pub contended: u64,
    /// How many wait right now.
    pub waiting: usize,
}
