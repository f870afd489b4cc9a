//! A value with a priority, compared by the priority alone.

use std::cmp::Ordering;

/// A value with a priority, for a [`PriorityQueue`](super::PriorityQueue) of values that have no order
/// of their own: comparisons look at the priority only.
///
/// ```
/// use manyhands_sync::{Prioritized, PriorityQueue};
///
/// let jobs: PriorityQueue<Prioritized<u8, Box<dyn FnOnce() -> u32 + Send>>> = PriorityQueue::unbounded();
/// jobs.put(Prioritized { priority: 2, value: Box::new(|| 22) })?;
/// jobs.put(Prioritized { priority: 1, value: Box::new(|| 11) })?;
/// let first = jobs.get().map(|job| (job.value)());
/// assert_eq!(first, Ok(11));
/// # Ok::<_, manyhands_sync::Closed<_>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Prioritized<P, T> {
    /// The smallest comes first.
    pub priority: P,
    /// What it is the priority of.
    pub value: T,
}

impl<P: PartialEq, T> PartialEq for Prioritized<P, T> {
    fn eq(&self, other: &Self) -> bool {
        self.priority == other.priority
    }
}

impl<P: Eq, T> Eq for Prioritized<P, T> {}

impl<P: PartialOrd, T> PartialOrd for Prioritized<P, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.priority.partial_cmp(&other.priority)
    }
}

impl<P: Ord, T> Ord for Prioritized<P, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority.cmp(&other.priority)
    }
}
