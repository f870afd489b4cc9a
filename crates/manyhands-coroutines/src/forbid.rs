//! Stretches of code in which nothing else may run on the thread.

use std::task::Waker;
use std::time::Instant;

use manyhands_wait::{Parker, with_parker};

use crate::hub::Hub;

/// Runs `f`, in which nobody may wait: for code whose half-done state other coroutines of the thread
/// must not see.
///
/// A wait that would suspend the coroutine panics instead, and so does `yield_now`. A wait that has
/// nothing to wait for (a lock that is free, a task that has ended) goes through. On a plain thread
/// that has coroutines it is the same, because they run while the thread waits; on one that has none,
/// `f` may wait.
///
/// # Panics
/// Where `f` waits. While the thread unwinds already that ends the process, as any panic does in a
/// destructor then.
///
/// ```
/// use manyhands_coroutines::{forbid_suspend, spawn_local, yield_now};
///
/// let task = spawn_local(|| {
///     let sum = forbid_suspend(|| 1 + 1); // fine
///     forbid_suspend(yield_now);          // panics
///     sum
/// });
/// assert!(task.result().unwrap_err().message().contains("forbid_suspend"));
/// ```
#[doc(alias = "assert_switches")]
pub fn forbid_suspend<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: in a coroutine the hub outlives the stack that this runs on.
    match unsafe { Hub::own() } {
        Some(hub) if hub.is_in_coroutine() => hub.forbid_suspend(f),
        Some(_) => with_parker(&Forbidding, f),
        None => f(),
    }
}

/// Parks nobody.
struct Forbidding;

impl Parker for Forbidding {
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn park(&self, _: Option<Instant>) {
        panic!("a thread was about to wait inside `forbid_suspend`: its coroutines could run there")
    }
}
