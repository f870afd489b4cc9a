//! Waiting for a future that may need a reactor.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, TimedOut, Wait, with_parker};

use crate::place::{Place, refused};

static FUTURE: Reason = Reason::new("future with I/O");

/// Waits for `future` from where the caller stands, with tokio's I/O and timers at work.
///
/// Like [`manyhands_wait::wait`] it ends early, by unwinding, if the running task is cancelled or
/// its deadline passes; the future is dropped then.
///
/// # Panics
/// In a task of a current-thread runtime, which would be blocked while it should turn its reactor:
/// use `.await` there. If the thread needs a reactor of its own and the operating system grants
/// none, usually for want of file descriptors; [`prepare`](crate::prepare) reports that as an error.
///
/// ```
/// use std::time::Duration;
///
/// // The future is made by the async block, so that the timer finds its runtime.
/// manyhands_io::wait(async { tokio::time::sleep(Duration::from_millis(1)).await });
/// ```
#[track_caller]
pub fn wait<F: Future>(future: F) -> F::Output {
    match run(Place::here(), Wait::new(&FUTURE).ended_from_outside(), future) {
        Ok(value) => value,
        Err(TimedOut) => unreachable!("a wait without a limit does not time out"),
    }
}

/// Like [`wait`], for at most `limit`. The future is polled at least once; when the time is over
/// it is dropped.
///
/// # Errors
/// [`TimedOut`] when the time is over.
///
/// # Panics
/// Like [`wait`].
#[track_caller]
pub fn wait_timeout<F: Future>(future: F, limit: Duration) -> Result<F::Output, TimedOut> {
    run(
        Place::here(),
        Wait::new(&FUTURE).ended_from_outside().until(Instant::now().checked_add(limit)),
        future,
    )
}

/// Like [`wait`], until `at` at the latest.
///
/// # Errors
/// [`TimedOut`] when that instant has come.
///
/// # Panics
/// Like [`wait`].
#[track_caller]
pub fn wait_deadline<F: Future>(future: F, at: Instant) -> Result<F::Output, TimedOut> {
    run(Place::here(), Wait::new(&FUTURE).ended_from_outside().until(Some(at)), future)
}

/// Like [`wait`], with a reason for dumps and perhaps an end.
///
/// # Errors
/// [`TimedOut`] when `until` has come; never without it.
///
/// # Panics
/// Like [`wait`].
#[track_caller]
pub fn wait_for<F: Future>(
    reason: &'static Reason,
    until: Option<Instant>,
    future: F,
) -> Result<F::Output, TimedOut> {
    run(Place::here(), Wait::new(reason).ended_from_outside().until(until), future)
}

/// Like [`wait`], with whatever can be said of the wait: above all what it is for
/// ([`Wait::on`]), where that is no I/O but the thread's reactor has to turn meanwhile, or a runtime to
/// learn that one of its workers blocks.
///
/// # Errors
/// [`TimedOut`] when the end of `wait` has come.
///
/// # Panics
/// Like [`wait`], and like [`Wait::run`].
#[track_caller]
pub fn wait_with<F: Future>(wait: Wait<'_>, future: F) -> Result<F::Output, TimedOut> {
    run(Place::here(), wait, future)
}

#[track_caller]
pub(crate) fn run<F: Future>(
    place: io::Result<Place>,
    wait: Wait<'_>,
    future: F,
) -> Result<F::Output, TimedOut> {
    match place {
        Ok(Place::Scheduler | Place::NoTokio) => wait.run(future),
        Ok(Place::Thread(reactor)) => {
            let _context = reactor.enter();
            wait.run(future)
        }
        Ok(Place::EndingThread(reactor)) => {
            let _context = reactor.enter();
            with_parker(&*reactor, || wait.run(future))
        }
        Ok(Place::Workers) => tokio::task::block_in_place(|| wait.run(future)),
        Ok(Place::Task) => panic!(
            "manyhands_io::wait was called in an async task of a current-thread runtime: nobody \
             would turn the reactor while the task blocks its thread. Use `.await` here, or move \
             the blocking code to `tokio::task::spawn_blocking`"
        ),
        Err(error) => refused(&error),
    }
}
