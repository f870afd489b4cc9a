//! One waiting future's place in a queue.

use std::marker::PhantomPinned;
use std::ptr::NonNull;
use std::task::Waker;

use crate::primitive::{AtomicU32, Ordering, UnsafeCell};

/// In no queue. What the node holds belongs to its future.
pub(super) const IDLE: u32 = 0;
/// In the queue. What the node holds belongs to whoever has the monitor's lock.
pub(super) const QUEUED: u32 = 1;
/// Taken out by whoever granted it. What the node holds belongs to its future again.
pub(super) const GRANTED: u32 = 2;

/// Lies inside of a pinned future and is linked where it lies.
pub(super) struct Node<T> {
    state: AtomicU32,
    inner: UnsafeCell<Inner<T>>,
    /// The queue points here: the future must not be moved, and no reference to it is exclusive.
    _pinned: PhantomPinned,
}

pub(super) struct Inner<T> {
    pub(super) previous: Option<NonNull<Node<T>>>,
    pub(super) next: Option<NonNull<Node<T>>>,
    pub(super) waker: Option<Waker>,
    pub(super) ticket: Option<T>,
}

impl<T> Node<T> {
    pub(super) fn new() -> Node<T> {
        let inner = Inner { previous: None, next: None, waker: None, ticket: None };
        Node { state: AtomicU32::new(IDLE), inner: UnsafeCell::new(inner), _pinned: PhantomPinned }
    }

    /// Whoever sees [`GRANTED`] also sees what the granter left in the node.
    pub(super) fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    /// Storing [`GRANTED`] is the last that a granter does with the node, which may be gone then.
    pub(super) fn set_state(&self, state: u32) {
        self.state.store(state, Ordering::Release);
    }

    /// Calls `f` with what the node holds.
    ///
    /// # Safety
    /// The caller is whom it belongs to in this [state](Self::state), and does not call this again
    /// from inside `f`.
    pub(super) unsafe fn with<R>(&self, f: impl FnOnce(&mut Inner<T>) -> R) -> R {
        // SAFETY: the state gives what the node holds to one party at a time, and the caller is it.
        self.inner.with_mut(|inner| f(unsafe { &mut *inner }))
    }
}
