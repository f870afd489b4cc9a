//! The one wait loop.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context as PollContext, Poll, Waker};
use std::time::{Duration, Instant};

use crate::agent::Agent;
use crate::deadlock::WaitError;
use crate::layer::{Sources, check_cancelled, current_deadline, make_cancellable};
use crate::parker::with_current;
use crate::primitive::local;
use crate::publication::{CancelledBy, Edge, Publication, StandAsideAt, publish};
use crate::reason::Reason;
use crate::resource::Resource;
use crate::timed_out::TimedOut;
use crate::walk::look_as_blocked;

static FUTURE: Reason = Reason::new("future");
static SLEEP: Reason = Reason::new("sleep");

/// Waits for `future` from where the caller stands: parks a thread, suspends a coroutine.
///
/// The wait ends early, by unwinding, if the running task is cancelled or its deadline passes. In
/// async code use `.await`: this would block the thread of the runtime.
///
/// ```
/// assert_eq!(manyhands_wait::wait(async { 6 * 7 }), 42);
/// ```
#[track_caller]
pub fn wait<F: Future>(future: F) -> F::Output {
    match Wait::new(&FUTURE).ended_from_outside().run(future) {
        Ok(value) => value,
        Err(TimedOut) => unreachable!("a wait without a limit does not time out"),
    }
}

/// Like [`wait`], for at most `limit`. The future is polled at least once; when the time is over
/// it is dropped.
///
/// # Errors
/// [`TimedOut`] when the time is over.
#[track_caller]
pub fn wait_timeout<F: Future>(future: F, limit: Duration) -> Result<F::Output, TimedOut> {
    Wait::new(&FUTURE).ended_from_outside().until(Instant::now().checked_add(limit)).run(future)
}

/// Like [`wait`], until `at` at the latest.
///
/// # Errors
/// [`TimedOut`] when that instant has come.
#[track_caller]
pub fn wait_deadline<F: Future>(future: F, at: Instant) -> Result<F::Output, TimedOut> {
    Wait::new(&FUTURE).ended_from_outside().until(Some(at)).run(future)
}

/// Like [`wait`], with a reason for dumps and perhaps an end.
///
/// # Errors
/// [`TimedOut`] when `until` has come; never without it.
#[track_caller]
pub fn wait_for<F: Future>(
    reason: &'static Reason,
    until: Option<Instant>,
    future: F,
) -> Result<F::Output, TimedOut> {
    Wait::new(reason).ended_from_outside().until(until).run(future)
}

/// Does nothing for `length`. Ends early, by unwinding, if the running task is cancelled or its
/// deadline passes. For threads and coroutines; async code uses its runtime's sleep.
#[doc(alias = "time.sleep")]
#[doc(alias = "gevent.sleep")]
#[track_caller]
pub fn sleep(length: Duration) {
    let until = Instant::now().checked_add(length);
    let _time_is_over = Wait::new(&SLEEP).until(until).run(std::future::pending::<()>());
}

/// A future that can give up its place among those who wait, together with whatever it was given and has
/// not seen, for as long as its stack is stopped by another wait.
///
/// While a thread waits, its parker may run others on the same stack: the tasks of a reactor. If one of
/// them waits in turn and stops the stack, the wait below it cannot end, whoever ends it. Where others rely
/// on it to come, or cannot be served before it, they would wait for the guest too; and it for them.
pub trait StandAside: Future {
    /// Gives the place up. The future was polled, is pending, and is polled again when its stack goes on;
    /// then it waits anew.
    fn stand_aside(self: Pin<&mut Self>);
}

/// One wait with everything that can be said of it: reason, end, what it is for.
///
/// ```
/// use manyhands_wait::{Reason, Wait};
///
/// static ANSWER: Reason = Reason::new("the answer");
/// assert_eq!(Wait::new(&ANSWER).run(std::future::ready(42)), Ok(42));
/// ```
#[derive(Clone, Copy)]
#[must_use = "call `run`"]
pub struct Wait<'a> {
    reason: &'static Reason,
    until: Option<Instant>,
    task: Option<u64>,
    edge: Option<&'a dyn Resource>,
    is_from_outside: bool,
}

impl<'a> Wait<'a> {
    /// A wait for this reason, without an end.
    pub const fn new(reason: &'static Reason) -> Wait<'a> {
        Wait { reason, until: None, task: None, edge: None, is_from_outside: false }
    }

    /// Ends the wait at this instant.
    pub const fn until(mut self, at: Option<Instant>) -> Wait<'a> {
        self.until = at;
        self
    }

    /// Says that the wait is for the task of this number, for dumps.
    pub const fn on_task(mut self, id: u64) -> Wait<'a> {
        self.task = Some(id);
        self
    }

    /// Says that what is waited for may come from outside of the known contexts: a socket, another
    /// process, a future of unknown make. Where somebody waits so, the process is not
    /// [quiet](crate::report_when_quiet()).
    pub const fn ended_from_outside(mut self) -> Wait<'a> {
        self.is_from_outside = true;
        self
    }

    /// Says what is waited for, so that the wait-for graph has an edge for it. If the wait can be
    /// proven never to end, because those it waits for wait for it, then one of them gets a
    /// [`Deadlock`](crate::Deadlock). A wait with an end in time is listed with its edge and never called deadlocked.
    ///
    /// The future must end through `edge` alone, and its polls must run no code that could release
    /// what others wait for.
    pub const fn on(mut self, edge: &'a dyn Resource) -> Wait<'a> {
        self.edge = Some(edge);
        self
    }

    /// Waits.
    ///
    /// # Errors
    /// [`TimedOut`] when the instant of [`until`](Self::until) has come.
    ///
    /// # Panics
    /// With a [`Deadlock`](crate::Deadlock) as the payload if the wait is [for something known](Self::on) and was ended
    /// to break a deadlock; [`run_checked`](Self::run_checked) returns that.
    #[track_caller]
    pub fn run<F: Future>(self, future: F) -> Result<F::Output, TimedOut> {
        match self.drive(future, None, Location::caller()) {
            Ok(value) => Ok(value),
            Err(WaitError::TimedOut) => Err(TimedOut),
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
        }
    }

    /// Waits; a deadlock is an error.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] when the instant of [`until`](Self::until) has come,
    /// [`WaitError::Deadlock`] if it was proven that the wait could never end and it was the one to be
    /// ended. The future is dropped then.
    #[track_caller]
    pub fn run_checked<F: Future>(self, future: F) -> Result<F::Output, WaitError> {
        self.drive(future, None, Location::caller())
    }

    /// Like [`run_checked`](Self::run_checked), for a future that can [stand aside](StandAside) while
    /// somebody who runs on top of this stack, inside of its park, waits too.
    ///
    /// That is so for a wait with an edge ([`on`](Self::on)); without one this is
    /// [`run_checked`](Self::run_checked).
    ///
    /// # Errors
    /// As [`run_checked`](Self::run_checked).
    #[track_caller]
    pub fn run_or_stand_aside<F: StandAside>(self, future: F) -> Result<F::Output, WaitError> {
        // Without an edge nobody knows whom to wake when it may begin anew.
        let stand_aside: Option<StandAsideAt> =
            self.edge.map(|_| stand_aside_at::<F> as StandAsideAt);
        self.drive(future, stand_aside, Location::caller())
    }

    #[inline]
    fn drive<F: Future>(
        self,
        future: F,
        stand_aside: Option<StandAsideAt>,
        at: &'static Location<'static>,
    ) -> Result<F::Output, WaitError> {
        check_cancelled();
        let future = pin!(future);
        // SAFETY: nothing is moved out of it, here or where the pointer is used.
        let future: *mut F = unsafe { future.get_unchecked_mut() };
        with_current(|waker, ways| {
            let mut cx = PollContext::from_waker(waker);
            let mut poll = || {
                let parked_before = PARKED.with(Cell::get);
                // SAFETY: it is pinned above, and nobody else uses it now: only while this is parked.
                let poll = unsafe { Pin::new_unchecked(&mut *future) }.poll(&mut cx);
                if poll.is_pending() && PARKED.with(Cell::get) != parked_before {
                    // Another wait ran inside this `poll`, perhaps on the same parker, and may have
                    // eaten a wake-up meant for this one; a spurious one does no harm.
                    waker.wake_by_ref();
                }
                poll
            };
            if let Poll::Ready(value) = poll() {
                return Ok(value);
            }
            PARKED.with(|parked| parked.set(parked.get().wrapping_add(1)));
            // What comes within microseconds is worth nobody's knowing that it was waited for.
            if (ways.spin)()
                && let Poll::Ready(value) = poll()
            {
                return Ok(value);
            }
            // From here on it is slow anyway: the wait is made known, and can be cancelled.
            let _cancellable = make_cancellable(waker);
            let publication = self.publication(at, waker, ways.stops_context);
            let _published = publish(&publication);
            let mut look_again = look_as_blocked(&publication);
            loop {
                check_cancelled();
                if let Some(deadlock) = publication.verdict() {
                    return Err(WaitError::Deadlock(deadlock.clone()));
                }
                // Asked anew each time: what unwinds may be another context of the same thread.
                {
                    // SAFETY: the future is pinned, and is not used before the guard is gone.
                    let _parked = unsafe { publication.parked(future.cast(), stand_aside) };
                    (ways.park)(earlier(self.until_when(), look_again));
                }
                if let Poll::Ready(value) = poll() {
                    return Ok(value);
                }
                if self.until.is_some_and(|until| until <= Instant::now()) {
                    check_cancelled();
                    return Err(WaitError::TimedOut);
                }
                if look_again.is_some_and(|at| at <= Instant::now()) {
                    look_again = look_as_blocked(&publication);
                }
            }
        })
    }

    #[inline]
    fn publication(
        &self,
        at: &'static Location<'static>,
        waker: &Waker,
        stops_context: bool,
    ) -> Publication {
        let publication = Publication::new(self.reason, at.into(), self.until_when(), self.task)
            .ended_from_outside(self.is_from_outside);
        let Some(edge) = self.edge else { return publication };
        let is_provable = stops_context && self.until.is_none() && current_deadline().is_none();
        // SAFETY: only the lifetime changes. The publication is shown for as long as the guard in
        // `drive` lives; `edge` and `waker` are borrowed for longer, and the layers around are left later.
        unsafe {
            let edge: &'static dyn Resource = std::mem::transmute::<&dyn Resource, _>(edge);
            publication
                .with_edge(Agent::current(), Edge::Borrowed(edge), waker, is_provable)
                .cancelled_by(CancelledBy::Sources(Sources::here()))
        }
    }

    /// When to look again at the latest.
    fn until_when(&self) -> Option<Instant> {
        // A deadline is not delivered while the thread unwinds (this is a destructor), and parking
        // until an instant that has passed would be a busy loop.
        let ambient = if std::thread::panicking() { None } else { current_deadline() };
        earlier(self.until, ambient)
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("reason", &self.reason)
            .field("until", &self.until)
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

/// Has the future at this place stand aside.
///
/// # Safety
/// An `F` lies there, pinned, and nobody else uses it meanwhile.
unsafe fn stand_aside_at<F: StandAside>(place: *mut ()) {
    // SAFETY: promised by the caller.
    unsafe { Pin::new_unchecked(&mut *place.cast::<F>()) }.stand_aside();
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

local! {
    /// How many waits of this thread came so far as to park: when it has changed, some did.
    static PARKED: Cell<u32> = Cell::new(0);
}
