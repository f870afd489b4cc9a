//! Code that blocks its thread, run where that holds up no coroutine.

use std::fmt;

use manyhands_executor::{Job, TaskHandle, TaskOptions};
use manyhands_wait::{Agent, Blockers, Reason, Resource, Wait};

static BLOCKING: Reason = Reason::new("blocking code on another thread");

/// Runs `f` on another thread and waits for it, so that code which blocks (a C library, a file
/// system, a long computation) holds up this coroutine alone.
///
/// The threads are those that tokio keeps for blocking code: of the hub's runtime on a hub and on a
/// plain thread (at most 32 at a time, further calls wait), of the ambient runtime in async code.
///
/// If the wait is cut short, by a [`timeout`](crate::timeout) or a cancellation, this returns at
/// once. `f` never starts then if it has not; otherwise it is asked to end, as by
/// [`Task::cancel`](manyhands_executor::Task::cancel): its own waits and
/// [`check_cancelled`](manyhands_wait::check_cancelled) end it, nothing else can, and its result is
/// dropped over there.
///
/// # Panics
/// Goes on with a panic of `f`. If no thread can be started. In a task of a current-thread runtime. With
/// the report if `f` waits for its caller, or for others who do, so that neither can ever go on; unless
/// `f` has got that deadlock itself, and made something of it.
///
/// ```
/// use std::time::Duration;
/// use manyhands_coroutines::{block, join_all, spawn_local};
///
/// let nap = || block(|| std::thread::sleep(Duration::from_millis(50)));
/// let naps = join_all((0..10).map(|_| spawn_local(nap))); // all at the same time
/// assert!(naps.iter().all(Result::is_ok));
/// ```
#[doc(alias = "gevent.threadpool.ThreadPool")]
#[doc(alias = "spawn_blocking")]
#[track_caller]
pub fn block<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (mut task, job) = Job::of(TaskOptions::new(), f);
    let given_up = CancelOnDrop(task.handle());
    manyhands_io::enter(|| drop(tokio::task::spawn_blocking(move || job.run())));
    let wait = Wait::new(&BLOCKING).on_task(task.id()).on(&given_up);
    let Ok(outcome) = manyhands_io::wait_with(wait, &mut task) else {
        unreachable!("the wait has no end")
    };
    drop(given_up);
    outcome.unwrap_or_else(|error| error.resume())
}

/// Cancels a task that nobody waits for any more; does nothing to one that has ended.
struct CancelOnDrop(TaskHandle);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The end of the code, as something to wait for: the other thread has to go on, which is known while
/// that waits itself. Before it has begun, nobody can tell which of tokio's threads will.
impl Resource for CancelOnDrop {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        self.0.blockers(blockers);
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BLOCKING.text())
    }

    fn is_from_outside(&self) -> bool {
        !self.0.is_stopped()
    }
}
