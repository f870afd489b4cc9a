//! The simplest thing that can be held: a spin lock that knows who has it. For tests of the graph alone,
//! which knows nothing of locks.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use manyhands_wait::{Agent, Blockers, Deadlock, Leaf, Reason, Resource, Wait, WaitError};

pub(crate) static TAKING: Reason = Reason::new("a baton");

/// Held by one agent at a time; taken by whoever comes first.
pub(crate) struct Baton {
    name: String,
    holder: AtomicU64,
    taken_at: AtomicPtr<Location<'static>>,
    wakers: Mutex<Vec<(u64, Waker)>>,
    next_key: AtomicU64,
}

impl Baton {
    pub(crate) fn new(name: impl Into<String>) -> Arc<Baton> {
        Arc::new(Baton {
            name: name.into(),
            holder: AtomicU64::new(0),
            taken_at: AtomicPtr::default(),
            wakers: Mutex::default(),
            next_key: AtomicU64::new(0),
        })
    }

    fn try_take(&self, by: Agent, at: &'static Location<'static>) -> bool {
        let taken = self
            .holder
            .compare_exchange(0, by.to_bits(), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if taken {
            self.taken_at.store(std::ptr::from_ref(at).cast_mut(), Ordering::Relaxed);
        }
        taken
    }

    /// Takes it, waiting until it is free.
    #[track_caller]
    pub(crate) fn take(self: &Arc<Self>) -> Held {
        match self.take_until(None) {
            Ok(held) => held,
            Err(WaitError::TimedOut) => unreachable!("no time was given"),
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
        }
    }

    #[track_caller]
    pub(crate) fn take_checked(self: &Arc<Self>) -> Result<Held, Deadlock> {
        match self.take_until(None) {
            Ok(held) => Ok(held),
            Err(WaitError::TimedOut) => unreachable!("no time was given"),
            Err(WaitError::Deadlock(deadlock)) => Err(deadlock),
        }
    }

    #[track_caller]
    pub(crate) fn take_until(self: &Arc<Self>, until: Option<Instant>) -> Result<Held, WaitError> {
        let taking = Taking::new(self, Agent::current());
        Wait::new(&TAKING).until(until).on(&**self).run_checked(taking)?.map_err(WaitError::from)
    }

    /// Takes it for the tracked task that is polled here.
    #[track_caller]
    pub(crate) fn take_async(self: &Arc<Self>) -> Taking {
        Taking::new(self, Agent::current_async().expect("in a tracked task"))
    }

    pub(crate) fn is_held(&self) -> bool {
        self.holder.load(Ordering::Relaxed) != 0
    }

    /// Gives it to another one, which need not run, in place of whoever holds it; wakes nobody.
    pub(crate) fn hand_to(&self, heir: Agent) {
        self.holder.store(heir.to_bits(), Ordering::Release);
    }

    /// Lets go for whoever holds it.
    pub(crate) fn release(&self) {
        self.holder.store(0, Ordering::Release);
        // Whoever is too late for this list sees the holder gone when it looks again.
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl Resource for Baton {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        match Agent::from_bits(self.holder.load(Ordering::Acquire)) {
            Some(holder) => blockers.any_of(holder),
            None => blockers.may_end(),
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "baton '{}'", self.name)
    }

    fn id(&self) -> Option<usize> {
        Some(std::ptr::from_ref(self).addr())
    }

    fn held_since(&self, holder: Agent) -> Option<&'static Location<'static>> {
        // SAFETY: null, or a location, which is never gone.
        let taken_at = unsafe { self.taken_at.load(Ordering::Relaxed).as_ref() };
        taken_at.filter(|_| self.holder.load(Ordering::Relaxed) == holder.to_bits())
    }
}

/// The future of taking a [`Baton`].
pub(crate) struct Taking {
    baton: Arc<Baton>,
    by: Agent,
    at: &'static Location<'static>,
    key: Option<u64>,
    leaf: Leaf,
}

impl Taking {
    #[track_caller]
    fn new(baton: &Arc<Baton>, by: Agent) -> Taking {
        let at = Location::caller();
        Taking { baton: Arc::clone(baton), by, at, key: None, leaf: Leaf::new() }
    }

    fn unqueue(&mut self) {
        if let Some(key) = self.key.take() {
            self.baton.wakers.lock().unwrap().retain(|(queued, _)| *queued != key);
        }
    }
}

impl Future for Taking {
    type Output = Result<Held, Deadlock>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.unqueue();
        for _queued_or_not in 0..2 {
            if self.baton.try_take(self.by, self.at) {
                self.unqueue();
                self.leaf.done();
                return Poll::Ready(Ok(Held(Arc::clone(&self.baton))));
            }
            if self.key.is_none() {
                let key = self.baton.next_key.fetch_add(1, Ordering::Relaxed);
                self.baton.wakers.lock().unwrap().push((key, cx.waker().clone()));
                self.key = Some(key);
            }
        }
        if let Some(deadlock) = self.leaf.deadlock() {
            self.unqueue();
            return Poll::Ready(Err(deadlock));
        }
        let (at, baton) = (self.at, Arc::clone(&self.baton));
        self.leaf.pending(cx, &TAKING, at, || baton);
        Poll::Pending
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.unqueue();
    }
}

/// A baton that is held; dropped, it is free.
pub(crate) struct Held(Arc<Baton>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({})", self.0.name)
    }
}
