//! [`spawn_async`]: a future on the shared runtime, as a task.

use std::future::Future;

use manyhands_executor::{Executor, InProcess, Job, Rejected, RejectedReason, Shutdown, Task};

use crate::running::{Plain, Running};
use crate::runtime::shared;

/// Runs `future` on the shared multi-thread runtime. Callable from anywhere.
///
/// The task mixes with those of all executors; cancelling it drops the future at its next `await`.
///
/// # Errors
/// If the runtime cannot be made, the task fails as rejected.
///
/// ```
/// let task = manyhands_async::spawn_async(async { 6 * 7 });
/// assert_eq!(task.result().unwrap(), 42);
/// ```
#[doc(alias = "create_task")]
#[doc(alias = "ensure_future")]
pub fn spawn_async<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    SharedRuntime.spawn_async(future)
}

/// The shared runtime as an executor without a bound.
struct SharedRuntime;

impl Executor for SharedRuntime {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        match shared() {
            Ok(handle) if job.run_deadline().is_none() => drop(handle.spawn(Plain::new(job))),
            Ok(handle) => drop(handle.spawn(Running::new(job, None))),
            Err(why) => return Err(Rejected::new(job, RejectedReason::Broken(why.to_owned()))),
        }
        Ok(())
    }

    fn parallelism(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    fn shutdown(&self, _how: Shutdown) {}
}

impl InProcess for SharedRuntime {}
