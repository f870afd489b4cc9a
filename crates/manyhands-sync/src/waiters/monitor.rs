//! A primitive's state under a short lock, and the queue of those who wait for it to change.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::task::Waker;

use super::node::Node;
use super::queue::WaitQueue;
use super::wakers::Wakers;
use crate::primitive::const_unless_loom;
use crate::short_lock::{ShortGuard, ShortLock};

/// A state of type `S`, and waiters that each have a ticket of type `T`: what they wait for, and
/// perhaps a place where they are given it. They wait in one of `QUEUES` queues, mostly the only one.
///
/// The lock is for critical sections of some nanoseconds. No user code is called under it, except
/// the clone of a waker, and comparisons where a primitive says so.
pub(crate) struct Monitor<S, T, const QUEUES: usize = 1> {
    inner: ShortLock<Inner<S, T, QUEUES>>,
}

struct Inner<S, T, const QUEUES: usize> {
    state: S,
    waiters: [WaitQueue<T>; QUEUES],
}

impl<S, T, const QUEUES: usize> Monitor<S, T, QUEUES> {
    const_unless_loom! {
        /// A monitor over this state, with no waiters.
        pub(crate) fn new(state: S) -> Monitor<S, T, QUEUES> {
            let waiters = [const { WaitQueue::new() }; QUEUES];
            Monitor { inner: ShortLock::new(Inner { state, waiters }) }
        }
    }

    /// Takes the lock.
    ///
    /// # Panics
    /// If this thread has another entry of the same monitor.
    #[inline]
    pub(crate) fn enter(&self) -> Entry<'_, S, T, QUEUES> {
        Entry { inner: self.inner.lock(), wakers: Wakers::new(), dropped: None }
    }

    /// Says that another coroutine of this thread was let go on, because it might change the state: by
    /// one that did. Where that happens again and again the lock becomes cheaper for this thread.
    #[inline]
    pub(crate) fn favour(&self) {
        self.inner.favour();
    }

    /// Takes the lock if nobody has it, for `Debug` and the like.
    pub(crate) fn try_enter(&self) -> Option<Entry<'_, S, T, QUEUES>> {
        let inner = self.inner.try_lock()?;
        Some(Entry { inner, wakers: Wakers::new(), dropped: None })
    }
}

/// The lock of a [`Monitor`], and access to its state. When it is dropped the lock is released, and
/// then the wakers of those who have been granted are called.
pub(crate) struct Entry<'a, S, T, const QUEUES: usize = 1> {
    // In this order they are dropped.
    inner: ShortGuard<'a, Inner<S, T, QUEUES>>,
    wakers: Wakers,
    /// A waker that was replaced: what it keeps alive may run user code when it goes.
    dropped: Option<Waker>,
}

impl<S, T, const QUEUES: usize> Entry<'_, S, T, QUEUES> {
    /// How many wait in this queue.
    #[inline]
    pub(crate) fn waiting_in(&self, queue: usize) -> usize {
        self.inner.waiters[queue].len()
    }

    /// The ticket of whoever waits longest in this queue, and the state.
    pub(crate) fn front_in(&mut self, queue: usize) -> Option<(&mut T, &mut S)> {
        let Inner { state, waiters } = &mut *self.inner;
        let waiters = &mut waiters[queue];
        let first = waiters.first()?;
        // SAFETY: the node is in this queue.
        Some((unsafe { waiters.ticket(first) }, state))
    }

    /// Grants whoever waits longest in this queue: it leaves the queue, keeps its ticket, and is
    /// woken. False if nobody waits.
    pub(crate) fn grant_front_in(&mut self, queue: usize) -> bool {
        let first = self.inner.waiters[queue].first();
        first.map(|node| self.grant(queue, node)).is_some()
    }

    /// Grants all who wait in this queue, those who wait longest first; returns how many.
    pub(crate) fn grant_all_in(&mut self, queue: usize) -> usize {
        let many = self.waiting_in(queue);
        while self.grant_front_in(queue) {}
        many
    }

    fn grant(&mut self, queue: usize, node: NonNull<Node<T>>) {
        // SAFETY: whoever calls this has just found the node in this queue.
        if let Some(waker) = unsafe { self.inner.waiters[queue].grant(node) } {
            self.wakers.push(waker);
        }
    }

    /// # Safety
    /// That of [`WaitQueue::push`].
    pub(super) unsafe fn push(
        &mut self,
        queue: usize,
        node: &Node<T>,
        ticket: T,
        waker: Waker,
        in_front: bool,
    ) {
        // SAFETY: promised by the caller.
        unsafe { self.inner.waiters[queue].push(node, ticket, waker, in_front) };
    }

    /// # Safety
    /// That of [`WaitQueue::renew`].
    pub(super) unsafe fn renew(&mut self, queue: usize, node: &Node<T>, waker: &Waker) {
        // SAFETY: promised by the caller.
        self.dropped = unsafe { self.inner.waiters[queue].renew(node, waker) };
    }

    /// # Safety
    /// That of [`WaitQueue::remove`].
    pub(super) unsafe fn remove(&mut self, queue: usize, node: &Node<T>) -> Option<T> {
        // SAFETY: promised by the caller.
        let (ticket, waker) = unsafe { self.inner.waiters[queue].remove(NonNull::from(node)) };
        self.dropped = waker;
        ticket
    }
}

/// With one queue it need not be named.
impl<S, T> Entry<'_, S, T> {
    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting_in(0)
    }

    /// The ticket of whoever waits longest.
    pub(crate) fn front(&mut self) -> Option<&mut T> {
        self.front_and_state().map(|(ticket, _)| ticket)
    }

    /// The ticket of whoever waits longest, and the state.
    pub(crate) fn front_and_state(&mut self) -> Option<(&mut T, &mut S)> {
        self.front_in(0)
    }

    /// Grants whoever waits longest: it leaves the queue, keeps its ticket, and is woken. False if
    /// nobody waits.
    pub(crate) fn grant_front(&mut self) -> bool {
        self.grant_front_in(0)
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
        let mut next = self.inner.waiters[0].first();
        while let Some(node) = next {
            let Inner { state, waiters: [waiters] } = &mut *self.inner;
            // SAFETY: the node is in this queue: nothing was taken out since it was found there.
            next = unsafe { waiters.after(node) };
            // SAFETY: the same.
            if chosen(unsafe { waiters.ticket(node) }, state) {
                self.grant(0, node);
                granted += 1;
            }
        }
        granted
    }

    /// The ticket for which `sought` says so, of those who have waited least first.
    pub(crate) fn latest(&mut self, sought: impl Fn(&T) -> bool) -> Option<&mut T> {
        let [waiters] = &mut self.inner.waiters;
        let mut next = waiters.last();
        while let Some(node) = next {
            // SAFETY: the node is in this queue, from which nothing is taken here.
            if sought(unsafe { waiters.ticket(node) }) {
                // SAFETY: the same.
                return Some(unsafe { waiters.ticket(node) });
            }
            // SAFETY: the same.
            next = unsafe { waiters.before(node) };
        }
        None
    }

    /// Shows every ticket to `look`, those who wait longest first.
    pub(crate) fn each(&mut self, mut look: impl FnMut(&T)) {
        let mut next = self.inner.waiters[0].first();
        while let Some(node) = next {
            // SAFETY: the node is in this queue, from which nothing is taken here.
            unsafe {
                look(self.inner.waiters[0].ticket(node));
                next = self.inner.waiters[0].after(node);
            }
        }
    }
}

impl<S, T, const QUEUES: usize> Deref for Entry<'_, S, T, QUEUES> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        &self.inner.state
    }
}

impl<S, T, const QUEUES: usize> DerefMut for Entry<'_, S, T, QUEUES> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S {
        &mut self.inner.state
    }
}
