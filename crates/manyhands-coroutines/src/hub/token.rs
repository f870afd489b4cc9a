//! The word that decides who puts a coroutine into a run queue, and the list through which other
//! threads do it.
//!
//! ```text
//!                    wake: a token              wake: and the waker enqueues
//!        RUNNING ───────────────▶ NOTIFIED ◀──────────────── PARKED
//!           ▲  ▲                     │                          ▲
//!           │  └── park takes it ────┘                          │
//!           └──── the hub resumes it ──── NOTIFIED      park ───┘
//! ```
//!
//! A parked coroutine is enqueued by the one wake-up that finds it parked, so it is in a run queue
//! or in the inbox at most once, and the link to the next in the inbox can be part of it.

use std::ptr;

use crate::primitive::{Arc, AtomicPtr, AtomicU8, Ordering};

const RUNNING: u8 = 0;
const NOTIFIED: u8 = 1;
const PARKED: u8 = 2;

/// Whether a context runs, is to run, or waits.
pub(crate) struct Token(AtomicU8);

impl Token {
    pub(crate) fn new() -> Token {
        Token(AtomicU8::new(RUNNING))
    }

    /// Says that the context is to look again. `true` if it is parked: then the caller enqueues it.
    pub(crate) fn notify(&self) -> bool {
        // Release: the waker's writes are seen by who is woken. A token that is there already was
        // set by somebody else's release; ours must be seen as well, so the swap is not skipped.
        self.0.swap(NOTIFIED, Ordering::AcqRel) == PARKED
    }

    /// Before the context suspends itself to wait: `false` if it was notified and must not.
    pub(crate) fn park(&self) -> bool {
        let parked =
            self.0.compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !parked {
            self.run();
        }
        parked
    }

    /// The context runs (again); what it was notified of before is seen from here on.
    pub(crate) fn run(&self) {
        // A swap, not a store: a notification that comes just before must be synchronized with.
        self.0.swap(RUNNING, Ordering::AcqRel);
    }
}

/// What an [`Inbox`] holds.
pub(crate) trait Linked {
    /// The link to the next in the inbox. Owned by whoever puts the element there.
    fn link(&self) -> &AtomicPtr<Self>
    where
        Self: Sized;
}

/// A list that any thread pushes to and one takes as a whole. Lock-free: Treiber's stack, without
/// its ABA problem because elements are never taken singly.
pub(crate) struct Inbox<T: Linked> {
    head: AtomicPtr<T>,
}

impl<T: Linked> Inbox<T> {
    pub(crate) fn new() -> Inbox<T> {
        Inbox { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts `element` in. It must not be in any inbox.
    pub(crate) fn push(&self, element: Arc<T>) {
        let element = Arc::into_raw(element).cast_mut();
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: `element` came from an `Arc` that the list owns from here on, so it is alive
            // until it is taken out.
            unsafe { &*element }.link().store(head, Ordering::Relaxed);
            match self.head.compare_exchange_weak(
                head,
                element,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes everything, and calls `each` in the order in which it was pushed.
    pub(crate) fn drain(&self, mut each: impl FnMut(Arc<T>)) {
        if self.head.load(Ordering::Relaxed).is_null() {
            return;
        }
        let mut newest = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        let mut oldest_first = ptr::null_mut::<T>();
        while !newest.is_null() {
            // SAFETY: everything in the list is owned by it, and we have taken the whole list.
            let link = unsafe { &*newest }.link();
            let next = link.load(Ordering::Relaxed);
            link.store(oldest_first, Ordering::Relaxed);
            oldest_first = newest;
            newest = next;
        }
        while !oldest_first.is_null() {
            // SAFETY: `push` made the pointer from an `Arc`, and each is turned back once. The link
            // is read first: `each` may have the element pushed again.
            let element = unsafe { Arc::from_raw(oldest_first) };
            oldest_first = element.link().load(Ordering::Relaxed);
            each(element);
        }
    }
}

impl<T: Linked> Drop for Inbox<T> {
    fn drop(&mut self) {
        self.drain(drop);
    }
}
