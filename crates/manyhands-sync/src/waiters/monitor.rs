//! A primitive's state under a short lock, and the queue of those who wait for it to change.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::task::Waker;

use super::node::Node;
use super::queue::WaitQueue;
use super::wakers::Wakers;
use crate::primitive::{Mutex, MutexGuard, const_unless_loom, lock};

/// A state of type `S`, and waiters that each have a ticket of type `T`: what they wait for, and
/// perhaps a place where they are given it.
///
/// The lock is for critical sections of some nanoseconds. No user code is called under it, except
/// the clone of a waker, and comparisons where a primitive says so.
pub(crate) struct Monitor<S, T> {
    inner: Mutex<Inner<S, T>>,
}

struct Inner<S, T> {
    state: S,
    waiters: WaitQueue<T>,
}

impl<S, T> Monitor<S, T> {
    const_unless_loom! {
        /// A monitor over this state, with no waiters.
        pub(crate) fn new(state: S) -> Monitor<S, T> {
            Monitor { inner: Mutex::new(Inner { state, waiters: WaitQueue::new() }) }
        }
    }

    /// Takes the lock. Never while this thread has another entry of the same monitor.
    pub(crate) fn enter(&self) -> Entry<'_, S, T> {
        Entry { inner: lock(&self.inner), wakers: Wakers::new(), dropped: None }
    }

    /// Takes the lock if nobody has it, for `Debug` and the like.
    pub(crate) fn try_enter(&self) -> Option<Entry<'_, S, T>> {
        use std::sync::TryLockError::{Poisoned, WouldBlock};
        let inner = match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(Poisoned(poisoned)) => poisoned.into_inner(),
            Err(WouldBlock) => return None,
        };
        Some(Entry { inner, wakers: Wakers::new(), dropped: None })
    }
}

/// The lock of a [`Monitor`], and access to its state. When it is dropped the lock is released, and
/// then the wakers of those who have been granted are called.
pub(crate) struct Entry<'a, S, T> {
    // In this order they are dropped.
    inner: MutexGuard<'a, Inner<S, T>>,
    wakers: Wakers,
    /// A waker that was replaced: what it keeps alive may run user code when it goes.
    dropped: Option<Waker>,
}

impl<S, T> Entry<'_, S, T> {
    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.inner.waiters.len()
    }

    /// The ticket of whoever waits longest.
    pub(crate) fn front(&mut self) -> Option<&mut T> {
        self.front_and_state().map(|(ticket, _)| ticket)
    }

    /// The ticket of whoever waits longest, and the state.
    pub(crate) fn front_and_state(&mut self) -> Option<(&mut T, &mut S)> {
        let Inner { state, waiters } = &mut *self.inner;
        let first = waiters.first()?;
        // SAFETY: the node is in this queue.
        Some((unsafe { waiters.ticket(first) }, state))
    }

    /// Grants whoever waits longest: it leaves the queue, keeps its ticket, and is woken. False if
    /// nobody waits.
    pub(crate) fn grant_front(&mut self) -> bool {
        let first = self.inner.waiters.first();
        first.map(|node| self.grant(node)).is_some()
    }

    /// Grants up to `most` waiters, those who wait longest first; returns how many.
    pub(crate) fn grant_many(&mut self, most: usize) -> usize {
        let many = most.min(self.waiting());
        for _ in 0..many {
            self.grant_front();
        }
        many
    }

    /// Grants all who wait; returns how many.
    pub(crate) fn grant_all(&mut self) -> usize {
        self.grant_many(usize::MAX)
    }

    /// Grants those for whom `chosen` says so, those who wait longest first; returns how many.
    pub(crate) fn grant_where(&mut self, mut chosen: impl FnMut(&mut T, &mut S) -> bool) -> usize {
        let mut granted = 0;
        let mut next = self.inner.waiters.first();
        while let Some(node) = next {
            let Inner { state, waiters } = &mut *self.inner;
            // SAFETY: the node is in this queue: nothing was taken out since it was found there.
            next = unsafe { waiters.after(node) };
            // SAFETY: the same.
            if chosen(unsafe { waiters.ticket(node) }, state) {
                self.grant(node);
                granted += 1;
            }
        }
        granted
    }

    /// Shows every ticket to `look`, those who wait longest first.
    pub(crate) fn each(&mut self, mut look: impl FnMut(&T)) {
        let mut next = self.inner.waiters.first();
        while let Some(node) = next {
            // SAFETY: the node is in this queue, from which nothing is taken here.
            unsafe {
                look(self.inner.waiters.ticket(node));
                next = self.inner.waiters.after(node);
            }
        }
    }

    fn grant(&mut self, node: NonNull<Node<T>>) {
        // SAFETY: whoever calls this has just found the node in this queue.
        if let Some(waker) = unsafe { self.inner.waiters.grant(node) } {
            self.wakers.push(waker);
        }
    }

    /// # Safety
    /// That of [`WaitQueue::push`].
    pub(super) unsafe fn push(&mut self, node: &Node<T>, ticket: T, waker: Waker, in_front: bool) {
        // SAFETY: promised by the caller.
        unsafe { self.inner.waiters.push(node, ticket, waker, in_front) };
    }

    /// # Safety
    /// That of [`WaitQueue::renew`].
    pub(super) unsafe fn renew(&mut self, node: &Node<T>, waker: &Waker) {
        // SAFETY: promised by the caller.
        self.dropped = unsafe { self.inner.waiters.renew(node, waker) };
    }

    /// # Safety
    /// That of [`WaitQueue::remove`].
    pub(super) unsafe fn remove(&mut self, node: &Node<T>) -> Option<T> {
        // SAFETY: promised by the caller.
        let (ticket, waker) = unsafe { self.inner.waiters.remove(NonNull::from(node)) };
        self.dropped = waker;
        ticket
    }
}

impl<S, T> Deref for Entry<'_, S, T> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.inner.state
    }
}

impl<S, T> DerefMut for Entry<'_, S, T> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.inner.state
    }
}
