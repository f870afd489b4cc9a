//! A deadline around a stretch of code.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use crate::interrupt::Interrupt;
use crate::layer::Layer;
use crate::timed_out::TimedOut;

/// Runs `f` with a deadline `limit` from now: its first wait (or
/// [`check_cancelled`](crate::check_cancelled)) after that ends it, with destructors run. Nests:
/// the earlier deadline counts, and each ends just the code it was put around.
///
/// Works on threads and in coroutines; async code has its own timeouts.
///
/// # Errors
/// [`TimedOut`] if the deadline ended `f`. If `f` finishes without waiting again, its value counts.
///
/// # Panics
/// Goes on with a panic of `f`. Needs `panic = "unwind"`.
///
/// ```
/// use std::time::Duration;
/// use manyhands_wait::{sleep, timeout};
///
/// let outer = timeout(Duration::from_secs(60), || {
///     let inner = timeout(Duration::from_millis(5), || sleep(Duration::from_secs(60)));
///     assert!(inner.is_err());
///     "went on"
/// });
/// assert_eq!(outer, Ok("went on"));
/// ```
#[doc(alias = "gevent.Timeout")]
#[doc(alias = "with_timeout")]
pub fn timeout<R>(limit: Duration, f: impl FnOnce() -> R) -> Result<R, TimedOut> {
    // A limit beyond the clock's reach is no limit.
    let layer = Layer::new().deadline(Instant::now().checked_add(limit));
    match catch_unwind(AssertUnwindSafe(|| layer.enter(f))) {
        Ok(value) => Ok(value),
        Err(payload) => match Interrupt::caught(payload, &layer) {
            Ok(_) => Err(TimedOut),
            Err(payload) => resume_unwind(payload),
        },
    }
}
