//! The one wait loop.

use std::cell::Cell;
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::{Context as PollContext, Poll};
use std::time::{Duration, Instant};

use crate::context::{Publication, publish};
use crate::layer::{Registered, check_cancelled, current_deadline};
use crate::parker::with_current;
use crate::primitive::local;
use crate::reason::Reason;
use crate::timed_out::TimedOut;

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
    match Wait::new(&FUTURE).run(future) {
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
    Wait::new(&FUTURE).until(Instant::now().checked_add(limit)).run(future)
}

/// Like [`wait`], until `at` at the latest.
///
/// # Errors
/// [`TimedOut`] when that instant has come.
#[track_caller]
pub fn wait_deadline<F: Future>(future: F, at: Instant) -> Result<F::Output, TimedOut> {
    Wait::new(&FUTURE).until(Some(at)).run(future)
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
    Wait::new(reason).until(until).run(future)
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

/// One wait with everything that can be said of it: reason, end, what it is for.
///
/// ```
/// use manyhands_wait::{Reason, Wait};
///
/// static ANSWER: Reason = Reason::new("the answer");
/// assert_eq!(Wait::new(&ANSWER).run(std::future::ready(42)), Ok(42));
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "call `run`"]
pub struct Wait {
    reason: &'static Reason,
    until: Option<Instant>,
    task: Option<u64>,
}

impl Wait {
    /// A wait for this reason, without an end.
    pub const fn new(reason: &'static Reason) -> Wait {
        Wait { reason, until: None, task: None }
    }

    /// Ends the wait at this instant.
    pub const fn until(mut self, at: Option<Instant>) -> Wait {
        self.until = at;
        self
    }

    /// Says that the wait is for the task of this number, for dumps.
    pub const fn on_task(mut self, id: u64) -> Wait {
        self.task = Some(id);
        self
    }

    /// Waits.
    ///
    /// # Errors
    /// [`TimedOut`] when the instant of [`until`](Self::until) has come.
    #[track_caller]
    pub fn run<F: Future>(self, future: F) -> Result<F::Output, TimedOut> {
        let at = Location::caller();
        check_cancelled();
        let mut future = pin!(future);
        with_current(|waker, park| {
            let mut cx = PollContext::from_waker(waker);
            let mut poll = || {
                let parked_before = PARKED.with(Cell::get);
                let poll = future.as_mut().poll(&mut cx);
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
            // From here on it is slow anyway: the wait is made known, and can be cancelled.
            PARKED.with(|parked| parked.set(parked.get().wrapping_add(1)));
            let _cancellable = Registered::with_all(waker);
            let _published =
                publish(|| Publication::new(self.reason, at, self.until_when(), self.task));
            // The wait-for graph has its place here: the edge is published, so the chain of
            // owners can be walked before the context parks.
            loop {
                check_cancelled();
                // Asked anew each time: what unwinds may be another context of the same thread.
                park(self.until_when());
                if let Poll::Ready(value) = poll() {
                    return Ok(value);
                }
                if self.until.is_some_and(|until| until <= Instant::now()) {
                    check_cancelled();
                    return Err(TimedOut);
                }
            }
        })
    }
}

impl Wait {
    /// When to look again at the latest.
    fn until_when(&self) -> Option<Instant> {
        // A deadline is not delivered while the thread unwinds (this is a destructor), and parking
        // until an instant that has passed would be a busy loop.
        let ambient = if std::thread::panicking() { None } else { current_deadline() };
        match (self.until, ambient) {
            (Some(own), Some(ambient)) => Some(own.min(ambient)),
            (own, ambient) => own.or(ambient),
        }
    }
}

local! {
    /// How many waits of this thread came so far as to park: when it has changed, some did.
    static PARKED: Cell<u32> = Cell::new(0);
}
