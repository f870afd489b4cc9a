//! Starting coroutines on this thread's own hub.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use manyhands_executor::{Job, Task, TaskError, TaskErrorKind, TaskOptions};
use manyhands_wait::{Reason, Wait};

use crate::hub::Hub;
use crate::locals::inherited;

static TURN: Reason = Reason::new("turn of this thread's coroutines");

/// Runs `f` as a coroutine of this thread. Neither `f` nor its result needs to be `Send`.
///
/// In a coroutine the new one runs on the same hub, after those that are ready now. On a plain
/// thread it runs whenever the thread waits: for this task, for another, for I/O, in
/// [`sleep`](crate::sleep).
///
/// What the coroutine has not done when its thread ends is not done any more: wait for the task.
///
/// # Errors
/// The task fails as rejected in a task of an async runtime, where the thread is not the program's
/// own, and if the operating system grants no reactor or no stack.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let tasks: Vec<_> = ["eat", "play"]
///     .into_iter()
///     .map(|what| {
///         let log = Rc::clone(&log);
///         manyhands_coroutines::spawn_local(move || {
///             log.borrow_mut().push(format!("{what} 1"));
///             manyhands_coroutines::yield_now();
///             log.borrow_mut().push(format!("{what} 2"));
///         })
///     })
///     .collect();
/// for task in tasks {
///     task.result().unwrap();
/// }
/// assert_eq!(*log.borrow(), ["eat 1", "play 1", "eat 2", "play 2"]);
/// ```
#[doc(alias = "gevent.spawn")]
#[doc(alias = "Greenlet.start")]
#[inline]
pub fn spawn_local<R: 'static>(f: impl FnOnce() -> R + 'static) -> Task<R> {
    spawn_with(TaskOptions::new(), f)
}

/// Like [`spawn_local`], with a name, which dumps, the watchdog and a report of an overflow show.
pub fn spawn_named<R: 'static>(
    name: impl Into<Arc<str>>,
    f: impl FnOnce() -> R + 'static,
) -> Task<R> {
    spawn_with(TaskOptions::new().name(name), f)
}

/// Like [`spawn_local`], with everything that can be said of a task: name, deadline, time limit.
#[inline]
pub fn spawn_with<R: 'static>(options: TaskOptions, f: impl FnOnce() -> R + 'static) -> Task<R> {
    let (task, job) = match inherited::of_spawner() {
        None => Job::of_this_thread(options, f),
        Some(values) => Job::of_this_thread(options, move || {
            inherited::begin_with(values);
            f()
        }),
    };
    if let Err((job, error)) = Hub::start_here(job) {
        reject(job, &error);
    }
    task
}

#[cold]
fn reject(job: Job, error: &std::io::Error) {
    let message = format!("there is no hub for the coroutine: {error}");
    job.fail(TaskError::new(TaskErrorKind::Rejected, message));
}

/// Runs `f` as a coroutine of this thread, not before `delay` is over.
#[doc(alias = "gevent.spawn_later")]
#[doc(alias = "start_later")]
pub fn spawn_later<R: 'static>(delay: Duration, f: impl FnOnce() -> R + 'static) -> Task<R> {
    spawn_local(move || {
        manyhands_wait::sleep(delay);
        f()
    })
}

/// Lets all coroutines of this thread that are ready run before the caller goes on. Ends, by
/// unwinding, a task that was cancelled or whose deadline has passed; not at every call, but soon.
///
/// On a plain thread its coroutines have a turn, if it has any; otherwise, and in async tasks, it
/// gives the processor to other threads.
#[doc(alias = "gevent.sleep(0)")]
#[inline(always)]
pub fn yield_now() {
    // SAFETY: used for the yield alone.
    match unsafe { Hub::own() } {
        Some(hub) if hub.yield_now() => {}
        hub => yield_thread(hub.is_some()),
    }
}

#[cold]
fn yield_thread(has_coroutines: bool) {
    if has_coroutines && Hub::with_own(Hub::turns_while_waiting) == Some(true) {
        let mut since = None;
        let turn = poll_fn(|cx| {
            Hub::with_own(|hub| hub.poll_turn(&mut since, cx)).unwrap_or(Poll::Ready(()))
        });
        let Ok(()) = Wait::new(&TURN).run(turn) else { unreachable!("the wait has no end") };
    } else {
        std::thread::yield_now();
    }
}
