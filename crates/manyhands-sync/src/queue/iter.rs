//! Getting until the queue is shut down, as an iterator.

use std::fmt;

use super::order::Order;
use super::ordered::OrderedQueue;

/// Items of a queue, waited for one by one, until it is shut down and empty. From
/// [`OrderedQueue::iter`].
pub struct Iter<'a, T, O: Order<T>> {
    queue: &'a OrderedQueue<T, O>,
}

impl<'a, T, O: Order<T>> Iter<'a, T, O> {
    pub(super) fn new(queue: &'a OrderedQueue<T, O>) -> Iter<'a, T, O> {
        Iter { queue }
    }
}

impl<T, O: Order<T>> Iterator for Iter<'_, T, O> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.queue.get().ok()
    }
}

impl<'a, T, O: Order<T>> IntoIterator for &'a OrderedQueue<T, O> {
    type Item = T;
    type IntoIter = Iter<'a, T, O>;

    fn into_iter(self) -> Iter<'a, T, O> {
        self.iter()
    }
}

impl<T, O: Order<T>> Clone for Iter<'_, T, O> {
    fn clone(&self) -> Self {
        Iter { queue: self.queue }
    }
}

impl<T, O: Order<T>> fmt::Debug for Iter<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.queue).finish()
    }
}
