//! [`ThreadPool`]: the executor `threads[:N]`.
//!
//! How workers find jobs, sleep, are woken and end is in `README.md` beside this file.

mod builder;
mod growth;
mod lifecycle;
mod relief;
mod room;
mod shared;
mod sleep;
mod worker;

use std::fmt;
use std::sync::Arc;

use manyhands_executor::{
    Executor, InProcess, Job, Map, MapOptions, Rejected, Scope, Shutdown, Task, TaskError, scope,
};

pub use builder::{BuildError, ThreadPoolBuilder, default_workers};
pub use growth::blocking;
pub(crate) use lifecycle::finish_all;
use shared::Shared;
pub use shared::Statistics;

/// A pool of threads that run jobs.
///
/// Threads are started when they are needed, an idle one is used before a new one is started, and
/// there are never more than the pool's size at work. Jobs start in the order of their priority,
/// equal ones in the order of submission.
///
/// Dropping the pool waits until everything submitted has ended, like Python's `with` block;
/// [`shutdown`](Executor::shutdown) has the other ways. A pool that is dropped by one of its own
/// jobs does not wait. A pool that is never dropped is finished when the process ends
/// ([`exit`](mod@crate::exit)).
///
/// ```
/// use manyhands_threads::ThreadPool;
///
/// let pool = ThreadPool::new(4).unwrap();
/// let offset = 10;
/// let sums: Vec<u32> = pool.map(move |n: u32| n + offset, 1..=3).map(Result::unwrap).collect();
/// assert_eq!(sums, [11, 12, 13]);
/// ```
#[doc(alias = "ThreadPoolExecutor")]
pub struct ThreadPool {
    shared: Arc<Shared>,
}

impl ThreadPool {
    /// A pool of at most `workers` threads.
    ///
    /// # Errors
    /// [`BuildError`] if `workers` is 0.
    pub fn new(workers: usize) -> Result<ThreadPool, BuildError> {
        ThreadPool::builder().workers(workers).build()
    }

    /// Says more about a pool before it is made.
    pub fn builder() -> ThreadPoolBuilder {
        ThreadPoolBuilder::default()
    }

    /// Runs the closure `f`.
    pub fn spawn<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Task<R> {
        InProcess::spawn(self, f)
    }

    /// Calls the closure `f` for every input and yields the results in the order of the inputs,
    /// lazily. See [`Map`].
    pub fn map<'e, A, R, F, I>(&'e self, f: F, inputs: I) -> Map<'e, I, R>
    where
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
    {
        self.map_closure(f, inputs)
    }

    /// Like [`map`](Self::map), but yields the results in the order in which they come.
    pub fn map_unordered<'e, A, R, F, I>(&'e self, f: F, inputs: I) -> Map<'e, I, R>
    where
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
    {
        self.map_closure_with(MapOptions::new().unordered(), f, inputs)
    }

    /// Runs `f` with a scope whose tasks may borrow from the caller's stack; see [`scope`].
    ///
    /// # Errors
    /// The error of the task that failed first.
    pub fn scope<'env, T, F>(&'env self, f: F) -> Result<T, TaskError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, ThreadPool>) -> T,
    {
        scope(self, f)
    }

    /// What the pool does right now, and has done.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }
}

impl Executor for ThreadPool {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        self.shared.submit(job, true)
    }

    fn try_execute(&self, job: Job) -> Result<(), Rejected> {
        self.shared.submit(job, false)
    }

    fn limit(&self) -> Option<usize> {
        Some(self.parallelism())
    }

    fn parallelism(&self) -> usize {
        self.shared.workers_max
    }

    #[track_caller]
    fn shutdown(&self, how: Shutdown) {
        self.shared.shutdown(how);
    }
}

impl InProcess for ThreadPool {}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.shutdown(Shutdown::WAIT);
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("name_prefix", &self.shared.name_prefix)
            .field("statistics", &self.statistics())
            .finish()
    }
}
