//! The queue of waiting futures: a list linked through the futures themselves.

use std::ptr::NonNull;
use std::task::Waker;

use super::node::{GRANTED, Inner, Node, QUEUED};

/// First in, first out. Every node in it is [`QUEUED`] and alive: a node takes itself out before
/// its future is gone, and one whose future was forgotten stays where it is for ever.
pub(super) struct WaitQueue<T> {
    first: Option<NonNull<Node<T>>>,
    last: Option<NonNull<Node<T>>>,
    len: usize,
}

// SAFETY: whoever has the queue has what its nodes hold, a `T` and a waker each, and nothing else of
// them; wakers may be sent.
unsafe impl<T: Send> Send for WaitQueue<T> {}

impl<T> WaitQueue<T> {
    pub(super) const fn new() -> WaitQueue<T> {
        WaitQueue { first: None, last: None, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts an idle node at the end, or at the front.
    ///
    /// # Safety
    /// The node is in no queue, the caller is its future, and it is taken out ([`remove`](Self::remove))
    /// before it is moved or its memory is used for anything else, unless it has been granted.
    pub(super) unsafe fn push(&mut self, node: &Node<T>, ticket: T, waker: Waker, in_front: bool) {
        let this = NonNull::from(node);
        let (previous, next) = match in_front {
            true => (None, self.first),
            false => (self.last, None),
        };
        // SAFETY: the node is idle and the caller is its future.
        unsafe {
            node.with(|inner| {
                *inner = Inner { previous, next, waker: Some(waker), ticket: Some(ticket) };
            });
        }
        node.set_state(QUEUED);
        self.join(previous, Some(this));
        self.join(Some(this), next);
        self.len += 1;
    }

    /// Takes a node out that is in this queue; its ticket and its waker.
    ///
    /// # Safety
    /// The node is in this queue.
    pub(super) unsafe fn remove(&mut self, node: NonNull<Node<T>>) -> (Option<T>, Option<Waker>) {
        // SAFETY: nodes in the queue are alive, and belong to whoever has the queue.
        let (previous, next, ticket, waker) = unsafe {
            node.as_ref().with(|inner| {
                let links = (inner.previous.take(), inner.next.take());
                (links.0, links.1, inner.ticket.take(), inner.waker.take())
            })
        };
        self.join(previous, next);
        self.len -= 1;
        (ticket, waker)
    }

    /// Takes a node out and gives it back to its future, its ticket too. Returns its waker; the node
    /// may be gone.
    ///
    /// # Safety
    /// The node is in this queue.
    pub(super) unsafe fn grant(&mut self, node: NonNull<Node<T>>) -> Option<Waker> {
        // SAFETY: the caller says so.
        let (ticket, waker) = unsafe { self.remove(node) };
        // SAFETY: out of the queue, but not given back yet: it is still ours, and alive.
        unsafe {
            node.as_ref().with(|inner| inner.ticket = ticket);
            node.as_ref().set_state(GRANTED);
        }
        waker
    }

    pub(super) fn first(&self) -> Option<NonNull<Node<T>>> {
        self.first
    }

    /// The node after one that is in this queue.
    ///
    /// # Safety
    /// The node is in this queue.
    pub(super) unsafe fn after(&self, node: NonNull<Node<T>>) -> Option<NonNull<Node<T>>> {
        // SAFETY: nodes in the queue are alive, and belong to whoever has the queue.
        unsafe { node.as_ref().with(|inner| inner.next) }
    }

    pub(super) fn last(&self) -> Option<NonNull<Node<T>>> {
        self.last
    }

    /// The node before one that is in this queue.
    ///
    /// # Safety
    /// The node is in this queue.
    pub(super) unsafe fn before(&self, node: NonNull<Node<T>>) -> Option<NonNull<Node<T>>> {
        // SAFETY: nodes in the queue are alive, and belong to whoever has the queue.
        unsafe { node.as_ref().with(|inner| inner.previous) }
    }

    /// The ticket of a node that is in this queue.
    ///
    /// # Safety
    /// The node is in this queue.
    pub(super) unsafe fn ticket(&mut self, node: NonNull<Node<T>>) -> &mut T {
        // SAFETY: nodes in the queue are alive and belong to whoever has the queue; the result
        // borrows the queue, so no other reference into the node is made while it lives.
        let ticket =
            unsafe { node.as_ref().with(|inner| inner.ticket.as_mut().map(NonNull::from)) };
        let ticket = ticket.expect("a node in the queue has a ticket");
        // SAFETY: as above.
        unsafe { &mut *ticket.as_ptr() }
    }

    /// Replaces the waker of a node that is in this queue if `waker` wakes something else; returns
    /// the old one.
    ///
    /// # Safety
    /// The node is in this queue.
    pub(super) unsafe fn renew(&mut self, node: &Node<T>, waker: &Waker) -> Option<Waker> {
        // SAFETY: nodes in the queue belong to whoever has the queue.
        unsafe {
            node.with(|inner| match &inner.waker {
                Some(old) if old.will_wake(waker) => None,
                _ => inner.waker.replace(waker.clone()),
            })
        }
    }

    /// Makes two neighbours, or a neighbour and an end of the queue, know each other.
    fn join(&mut self, previous: Option<NonNull<Node<T>>>, next: Option<NonNull<Node<T>>>) {
        match previous {
            // SAFETY: nodes in the queue are alive and belong to whoever has the queue.
            Some(node) => unsafe { node.as_ref().with(|inner| inner.next = next) },
            None => self.first = next,
        }
        match next {
            // SAFETY: as above.
            Some(node) => unsafe { node.as_ref().with(|inner| inner.previous = previous) },
            None => self.last = previous,
        }
    }
}
