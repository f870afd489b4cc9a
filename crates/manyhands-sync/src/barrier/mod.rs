//! A place where contexts wait for each other.
//!
//! ```text
//!  filling ── one arrives ─────────────────────────────▶ filling: it waits
//!          ── the last one arrives, no action ─────────▶ next round: all go on
//!          ── the last one arrives ──▶ acting ── done ─▶ next round: all go on
//!                                             ── panic ▶ broken
//!          ── abort, or one of the waiting leaves ─────▶ broken: all who wait fail
//!          ── reset ───────────────────────────────────▶ next round: all who wait fail
//!  acting  ── abort or reset: as above; the last one fails too, when its action ends
//!  broken  ── reset ───────────────────────────────────▶ next round
//! ```
//!
//! Whoever ends a wait writes into its ticket how it ended, so what becomes of the barrier
//! afterwards does not change that. Rounds are numbered: an action that ends late, and one whose time
//! was over too late, find out by the number. While the action runs nobody arrives, and newcomers
//! wait until they may.
//!
//! Rejected: *taking the arrival back* when one that waits is cancelled, as asyncio does: the others
//! would wait for it in vain, unless somebody comes in its stead; who wants that catches the error
//! and resets.

mod core;
mod error;
mod round;

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, Wait};

use self::core::Core;
pub use error::{BarrierError, BarrierErrorKind};
use round::{
    Action, Arrive, Arrived, break_next_round, break_round, end_acting, end_round, make_new,
};

use crate::waiters::Waiting;

static BARRIER: Reason = Reason::new("barrier");

/// A place where a fixed number of contexts wait for each other: when the last one has arrived, all
/// of them go on. It can be passed any number of times.
///
/// Threads, coroutines and async tasks may meet at the same barrier. All or none: if one of those
/// that wait leaves before the last has arrived (its time is over, it is cancelled, its future is
/// dropped), the others are not left waiting in vain. The barrier is *broken* then: everybody who
/// waits or arrives gets a [`BarrierError`], until it is [`reset`](Self::reset).
///
/// Whoever arrives next may be anybody, so waiting at a barrier is never called a deadlock; dumps list
/// it.
///
/// ```
/// use manyhands_sync::Barrier;
///
/// let barrier = Barrier::new(3);
/// std::thread::scope(|scope| {
///     for _ in 0..3 {
///         scope.spawn(|| {
///             // The first part of the work of all three ...
///             let arrival = barrier.wait().unwrap();
///             // ... is done before the second part of any begins.
///             assert!(arrival.index() < 3);
///         });
///     }
/// });
/// ```
#[doc(alias = "threading.Barrier")]
#[doc(alias = "asyncio.Barrier")]
#[doc(alias = "CyclicBarrier")]
pub struct Barrier {
    core: OnceLock<Arc<Core>>,
    parties: usize,
    made_at: &'static Location<'static>,
}

/// How a barrier was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BarrierWaitResult {
    index: usize,
    parties: usize,
}

impl BarrierWaitResult {
    /// The place in the order of arrival: another number, from 0 to one less than the parties, for
    /// each of those that have passed together.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether this was the last one to arrive, which has run the action if there is one. True for
    /// exactly one of those that have passed together.
    pub fn is_leader(&self) -> bool {
        self.index + 1 == self.parties
    }
}

impl Barrier {
    /// A barrier for so many contexts.
    ///
    /// # Panics
    /// If `parties` is 0.
    #[track_caller]
    pub const fn new(parties: usize) -> Barrier {
        assert!(parties > 0, "a barrier is for at least one context, not for 0");
        Barrier { core: OnceLock::new(), parties, made_at: Location::caller() }
    }

    /// A barrier with a name for dumps and errors.
    ///
    /// # Panics
    /// If `parties` is 0.
    #[track_caller]
    pub fn named(name: impl Into<Arc<str>>, parties: usize) -> Barrier {
        let barrier = Barrier::new(parties);
        barrier.make_core(Some(name.into()));
        barrier
    }

    /// Has the last one to arrive run `action` each time, before anybody goes on.
    ///
    /// It runs on the stack of that context, with no lock held. It may wait, unless that context is an
    /// async task. If it panics or is cancelled the barrier is broken, and the panic goes on in the
    /// context that ran it.
    ///
    /// Who comes meanwhile waits for the end of the action, and belongs to the next round: leaving early
    /// breaks that one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    /// use manyhands_sync::Barrier;
    ///
    /// let rounds = Arc::new(AtomicU32::new(0));
    /// let counted = Arc::clone(&rounds);
    /// let barrier = Barrier::new(1).with_action(move || {
    ///     counted.fetch_add(1, Relaxed);
    /// });
    /// barrier.wait().unwrap();
    /// barrier.wait().unwrap();
    /// assert_eq!(rounds.load(Relaxed), 2);
    /// ```
    #[must_use = "it returns the barrier"]
    pub fn with_action(self, action: impl FnMut() + Send + 'static) -> Barrier {
        self.core().monitor.enter().action = Some(Box::new(action));
        self
    }

    /// The name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.core.get()?.signal.name()
    }

    /// How many have to arrive.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many have arrived and wait for the others now.
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        self.core().waiting()
    }

    /// Whether the barrier is broken: then nobody waits, and whoever arrives gets an error.
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        self.core().monitor.enter().broken.is_some()
    }

    /// Waits until all have arrived. For threads and coroutines.
    ///
    /// # Errors
    /// [`BarrierError`] if the barrier is broken, or is broken or reset before the last one has
    /// arrived.
    ///
    /// # Panics
    /// With the panic of the action, if this was the last one to arrive.
    ///
    /// # Cancellation
    /// Ends early, by unwinding, if the running task is cancelled or its deadline passes. Unless all
    /// have arrived, that breaks the barrier.
    #[track_caller]
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.block(None)
    }

    /// Like [`wait`](Self::wait), for at most `limit`. That is for the others to arrive: once all
    /// have, the barrier is passed, however long its action takes. The time of who comes while the action
    /// of others runs does count meanwhile.
    ///
    /// # Errors
    /// As [`wait`](Self::wait). When the time is over the barrier is broken, for all.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> Result<BarrierWaitResult, BarrierError> {
        self.block(Instant::now().checked_add(limit))
    }

    /// Waits until all have arrived, in async code. It arrives when the future is first polled; if the
    /// future is dropped after that and before the last one has arrived, the barrier is broken.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    /// As [`wait`](Self::wait), inside of `poll`.
    #[track_caller]
    pub fn wait_async(
        &self,
    ) -> impl Future<Output = Result<BarrierWaitResult, BarrierError>> + Send + use<'_> {
        let at = Location::caller();
        async move {
            let (core, round) = (self.core(), AtomicU64::new(0));
            let arriving = Waiting::new(&core.monitor, Arrive { core, round: &round });
            self.pass(arriving.as_leaf(&BARRIER, at).await)
        }
    }

    /// Breaks the barrier: whoever waits gets an error, and whoever arrives from now on, until it is
    /// reset. For whoever knows that not all will arrive. Never waits; may be called from anywhere.
    pub fn abort(&self) {
        let mut entry = self.core().monitor.enter();
        if entry.broken.is_none() {
            entry.broken = Some(BarrierErrorKind::Aborted);
            end_round(&mut entry, Err(BarrierErrorKind::Aborted));
        }
    }

    /// Makes the barrier as new: whoever waits gets an error, and whoever arrives from now on begins a
    /// round. Never waits; may be called from anywhere.
    pub fn reset(&self) {
        make_new(&mut self.core().monitor.enter());
    }

    fn core(&self) -> &Arc<Core> {
        match self.core.get() {
            Some(core) => core,
            None => self.make_core(None),
        }
    }

    fn make_core(&self, name: Option<Arc<str>>) -> &Arc<Core> {
        self.core.get_or_init(|| Arc::new(Core::new(self.parties, name, self.made_at)))
    }

    #[track_caller]
    fn block(&self, until: Option<Instant>) -> Result<BarrierWaitResult, BarrierError> {
        let (core, round) = (self.core(), AtomicU64::new(0));
        let mut arriving = pin!(Waiting::new(&core.monitor, Arrive { core, round: &round }));
        let wait = Wait::new(&BARRIER).on(&**core);
        let arrived = loop {
            if let Ok(arrived) = wait.until(until).run(arriving.as_mut()) {
                break arrived;
            }
            let (kind, mut entry) = (BarrierErrorKind::TimedOut, core.monitor.enter());
            match round.load(Ordering::Relaxed) {
                // It waits for the end of others' action, and will not be there afterwards.
                0 if break_next_round(&mut entry, kind) => break Err(kind),
                // That has ended just now: it arrives.
                0 => {}
                round => {
                    break_round(&mut entry, round, kind);
                    drop(entry);
                    // Either that has ended this wait too, or all have arrived and it ends with the action.
                    let arrived = wait.run(arriving.as_mut());
                    break arrived.expect("a wait without a limit does not time out");
                }
            }
        };
        self.pass(arrived)
    }

    /// What an arrival leads to: runs the action, if it is this one's to run.
    fn pass(
        &self,
        arrived: Result<Arrived, BarrierErrorKind>,
    ) -> Result<BarrierWaitResult, BarrierError> {
        let index = match arrived {
            Ok(Arrived::Passed { index }) => Ok(index),
            Ok(Arrived::ToAct { round, action }) => {
                self.act(round, action).map(|()| self.parties - 1)
            }
            Err(kind) => Err(kind),
        };
        match index {
            Ok(index) => Ok(BarrierWaitResult { index, parties: self.parties }),
            Err(kind) => Err(BarrierError { kind, which: self.core().signal.to_string() }),
        }
    }

    fn act(&self, round: u64, action: Action) -> Result<(), BarrierErrorKind> {
        /// Tells the others, also if the action unwinds.
        struct Acting<'a> {
            barrier: &'a Barrier,
            round: u64,
            action: Option<Action>,
            outcome: Result<(), BarrierErrorKind>,
        }
        impl Acting<'_> {
            fn end(&mut self) -> Result<(), BarrierErrorKind> {
                match self.action.take() {
                    Some(action) => {
                        let mut entry = self.barrier.core().monitor.enter();
                        end_acting(&mut entry, self.round, action, self.outcome)
                    }
                    None => self.outcome,
                }
            }
        }
        impl Drop for Acting<'_> {
            fn drop(&mut self) {
                let _told = self.end();
            }
        }
        let outcome = Err(BarrierErrorKind::ActionFailed);
        let mut acting = Acting { barrier: self, round, action: Some(action), outcome };
        if let Some(action) = &mut acting.action {
            action();
        }
        acting.outcome = Ok(());
        acting.end()
    }
}

// Its own state is whole whatever unwinds.
impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}
