//! Waiting until there is nothing else to do.

use std::future::poll_fn;
use std::task::Poll;

use manyhands_wait::{Reason, Wait};

use crate::hub::Hub;

static IDLE: Reason = Reason::new("nothing else to do");

/// Waits until nothing else is ready on this thread: no coroutine, no I/O, no timer that is due.
///
/// [`yield_now`](crate::yield_now) lets each of the others run once; this lets them run for as long
/// as they can without waiting. Coroutines that are idle themselves go on together. While another one
/// is always ready (it calls `yield_now` in a loop), this does not return.
///
/// On a plain thread its coroutines run until all of them wait or have ended. Without any, and in
/// async tasks, it returns at once.
///
/// ```
/// use manyhands_coroutines::{idle, spawn_local, yield_now};
///
/// let worker = spawn_local(|| (0..100).for_each(|_| yield_now()));
/// idle();
/// assert!(worker.is_done());
/// ```
#[doc(alias = "gevent.idle")]
#[track_caller]
pub fn idle() {
    if Hub::with_own(Hub::turns_while_waiting) != Some(true) {
        return;
    }
    let mut since = None;
    let idle =
        poll_fn(|cx| Hub::with_own(|hub| hub.poll_idle(&mut since, cx)).unwrap_or(Poll::Ready(())));
    let Ok(()) = Wait::new(&IDLE).run(idle) else { unreachable!("the wait has no end") };
}
