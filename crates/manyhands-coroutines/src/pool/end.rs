//! The end of a pool, as something to wait for: its hubs have to end, and before that all coroutines on
//! them.
//!
//! Nobody writes down who is under way: that would cost every job something. When somebody waits for the
//! end, each hub that has nothing to do counts its coroutines, and again whenever it has begun others
//! since. Who was counted and waits for something that is known is a reason for the pool not to end.
//! Whoever has waited before the census is found by it; whoever begins to wait after it looks along the
//! graph and finds who waits for the end.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use manyhands_wait::{Agent, Blockers, Reason, Resource, Wait, WaitError};

use super::shared::Shared;

static END: Reason = Reason::new("end of a coroutine pool");

/// So many coroutines that wait are looked at; the others' turn comes when these have ended.
const LOOKED_AT: usize = 256;

pub(super) struct End {
    /// How many wait for the end and want to know why it does not come.
    asking: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    /// Threads of hubs that have been started and not ended.
    alive: usize,
    waiting: Vec<Waker>,
    /// Of each hub.
    censuses: Vec<Census>,
    /// How many were taken.
    taken: u64,
}

/// Who had not ended on one hub when it had begun so many coroutines.
#[derive(Default)]
struct Census {
    started: Option<u64>,
    coroutines: Vec<Agent>,
}

impl End {
    pub(super) fn new(hubs: usize) -> End {
        let censuses = (0..hubs).map(|_| Census::default()).collect();
        let state = State { alive: 0, waiting: Vec::new(), censuses, taken: 0 };
        End { asking: AtomicUsize::new(0), state: Mutex::new(state) }
    }

    /// The thread of a hub is started.
    pub(super) fn add_thread(&self) {
        self.lock().alive += 1;
    }

    /// A thread that was to be a hub's has ended, or was not started.
    pub(super) fn thread_is_gone(&self) {
        let mut state = self.lock();
        state.alive -= 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether a hub that has begun so many coroutines is to count them.
    pub(super) fn wants_census(&self, hub: usize, started: u64) -> bool {
        self.asking.load(Ordering::SeqCst) > 0 && self.lock().censuses[hub].started != Some(started)
    }

    /// A hub has counted.
    pub(super) fn census(&self, hub: usize, started: u64, coroutines: Vec<Agent>) {
        let mut state = self.lock();
        state.censuses[hub] = Census { started: Some(started), coroutines };
        state.taken += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready with true if all threads have ended, with false if there was a census since `taken`.
    fn poll(&self, taken: u64, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if state.alive == 0 {
            return Poll::Ready(true);
        }
        if taken != state.taken {
            return Poll::Ready(false);
        }
        state.waiting.retain(|waker| !waker.will_wake(cx.waker()));
        state.waiting.push(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Waits until all hubs have ended.
    ///
    /// # Panics
    /// With the report if that can never be, because one of the coroutines waits for this very caller, or
    /// for others who do.
    #[track_caller]
    pub(super) fn wait_for_end(&self) {
        let _asking = Asking::begin(&self.end);
        self.wake_all();
        let edge = EndEdge(self);
        loop {
            // Each round is a wait of its own, which looks along the graph: only then does what was
            // counted meanwhile count.
            let taken = self.end.lock().taken;
            let end = poll_fn(|cx| self.end.poll(taken, cx));
            match Wait::new(&END).on(&edge).run_checked(end) {
                Ok(true) => return,
                Ok(false) => {}
                // Not while this thread unwinds, which a second panic would make the end of the process:
                // another of those who take part gets it then.
                Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
                Err(_) => unreachable!("the wait has no end"),
            }
        }
    }
}

/// Somebody who wants to know why the end does not come.
struct Asking<'a>(&'a End);

impl Asking<'_> {
    fn begin(end: &End) -> Asking<'_> {
        end.asking.fetch_add(1, Ordering::SeqCst);
        Asking(end)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.0.asking.fetch_sub(1, Ordering::SeqCst) == 1 {
            let mut state = self.0.lock();
            let counted = state.censuses.iter_mut().map(std::mem::take).collect::<Vec<_>>();
            drop(state);
            drop(counted);
        }
    }
}

/// The end of the hubs' threads: each coroutine on them has to end, which it does alone.
struct EndEdge<'a>(&'a Shared);

impl Resource for EndEdge<'_> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        let state = self.0.end.lock();
        let all = state.censuses.iter().flat_map(|census| &census.coroutines);
        // Who has ended since does not wait as whom it was counted.
        for coroutine in all.filter(|coroutine| coroutine.is_waiting()).take(LOOKED_AT) {
            blockers.all_of(*coroutine);
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "end of coroutine pool '{}'", self.0.name_prefix)
    }
}
