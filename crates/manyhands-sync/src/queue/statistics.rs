//! What a queue can tell of how it is used.

/// How a queue is used, from [`OrderedQueue::statistics`](super::OrderedQueue::statistics). Counted
/// since the queue was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QueueStatistics {
    /// The most items that were in it at once.
    pub len_max: usize,
    /// How many puts found no room and had to wait.
    pub puts_that_waited: u64,
    /// How many gets found nothing and had to wait.
    pub gets_that_waited: u64,
    /// How many wait for room now.
    pub waiting_putters: usize,
    /// How many wait for an item now.
    pub waiting_getters: usize,
    /// How many wait for everything to be done now.
    pub waiting_joiners: usize,
}
