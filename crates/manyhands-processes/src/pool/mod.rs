//! [`ProcessPool`]: the executor `processes[:N]`.
//!
//! How a task gets to a worker and back, and what happens when a worker dies, is in `README.md`
//! beside this file.

#[cfg(fuzzing)]
pub(crate) use channel::fuzzing;

mod batch;
mod builder;
mod channel;
mod completer;
mod crew;
mod flight;
mod floor;
mod freight;
mod graph;
mod initializer;
mod lifecycle;
mod loading;
mod seat;
mod service;
mod shared;
mod statistics;
mod stderr;
pub(crate) mod worker;

use std::fmt;
use std::io;
use std::sync::Arc;

use manyhands_executor::{Executor, Job, Rejected, Shutdown};

use self::shared::Shared;
use crate::bell::Bell;
pub use builder::{PoolBuildError, ProcessPoolBuilder};
pub use statistics::ProcessPoolStatistics;
pub(crate) use worker::current_errand;

/// A pool of processes that run plain functions.
///
/// The workers are this very program, started again; see [`init`](crate::init). They are started
/// when they are needed, and one that has nothing to do is used before a new one is started. A
/// worker that dies costs the task that ran there, which fails with
/// [`WorkerDied`](manyhands_executor::TaskErrorKind::WorkerDied), and nothing else: it is replaced,
/// and what it had not begun goes to others.
///
/// Only plain functions can be submitted (function items, and closures that capture nothing), with
/// arguments and results that are [`Portable`](manyhands_executor::Portable). A job that is a closure
/// or a future is refused as
/// [`NotPortable`](manyhands_executor::RejectedReason::NotPortable).
///
/// # Ending tasks
///
/// A task that is cancelled, or whose deadline or time limit passes, is ended wherever it is: in the
/// queue and where it was sent but has not begun, at once; running, at its next wait or
/// [`check_cancelled`](manyhands_wait::check_cancelled), and if it does not come to one within the
/// [grace](ProcessPoolBuilder::grace), with its worker. A value that is there before its worker dies
/// counts.
///
/// # The end of the pool
///
/// Dropping the pool waits until everything submitted has ended, like Python's `with` block, and at
/// most for the [limit](ProcessPoolBuilder::drop_limit) that the pool has for that; then the rest
/// is given up. [`shutdown`](Executor::shutdown) has the other ways. A pool that is never dropped is
/// finished in the same way when the process ends. If the process is killed, its workers end
/// at once.
///
/// Callbacks of tasks run on a thread of the pool's own, one after the other; while one takes long the
/// others go on beside it, on threads of their own. So callbacks may wait, also for tasks of the same
/// pool.
///
/// ```
/// use manyhands_executor::ExecutorExt;
/// use manyhands_processes::ProcessPool;
///
/// let pool = ProcessPool::new(2).unwrap();
/// let squares: Vec<u64> = pool.map(|n: u64| n * n, 1..=3).map(Result::unwrap).collect();
/// assert_eq!(squares, [1, 4, 9]);
/// ```
#[doc(alias = "ProcessPoolExecutor")]
#[doc(alias = "multiprocessing.Pool")]
pub struct ProcessPool {
    shared: Arc<Shared>,
}

impl ProcessPool {
    /// A pool of at most `workers` processes.
    ///
    /// # Errors
    /// [`PoolBuildError`] if `workers` is 0, or the system grants no thread.
    pub fn new(workers: usize) -> Result<ProcessPool, PoolBuildError> {
        ProcessPool::builder().workers(workers).build()
    }

    /// Says more about a pool before it is made.
    pub fn builder() -> ProcessPoolBuilder {
        ProcessPoolBuilder::default()
    }

    fn start(settings: builder::Settings) -> io::Result<ProcessPool> {
        let shared = Shared::create(settings, Bell::new()?);
        service::start(Arc::clone(&shared))?;
        lifecycle::register(&shared);
        Ok(ProcessPool { shared })
    }

    /// The process numbers of the workers that are alive, those included that are starting.
    pub fn worker_pids(&self) -> Vec<u32> {
        self.shared.pids().clone()
    }

    /// Kills every worker that is alive, at once. What they run fails with
    /// [`WorkerDied`](manyhands_executor::TaskErrorKind::WorkerDied); everything else goes on with
    /// new workers. To end the pool with it, shut it down first.
    pub fn kill_workers(&self) {
        self.shared.wish(|wishes| wishes.kill_workers = true);
    }

    /// What the pool does right now, and has done.
    pub fn statistics(&self) -> ProcessPoolStatistics {
        self.shared.statistics()
    }
}

impl Executor for ProcessPool {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        self.shared.submit(job)
    }

    fn limit(&self) -> Option<usize> {
        Some(self.parallelism())
    }

    fn parallelism(&self) -> usize {
        self.shared.settings.workers
    }

    #[track_caller]
    fn shutdown(&self, how: Shutdown) {
        self.shared.shutdown(how);
    }
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        self.shared.finish();
    }
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPool")
            .field("name", &self.shared.settings.name)
            .field("broken", &self.shared.broken.get())
            .field("statistics", &self.statistics())
            .finish()
    }
}
