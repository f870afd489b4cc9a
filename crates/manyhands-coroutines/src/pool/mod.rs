//! [`CoroutinePool`]: the executor `coroutines[:HUBS]`.

mod builder;
mod end;
mod places;
mod shared;

use std::fmt;
use std::sync::Arc;

use manyhands_executor::{Executor, InProcess, Job, Map, MapOptions, Rejected, Shutdown, Task};

pub use builder::{BuildError, CoroutinePoolBuilder};
use shared::Shared;
pub use shared::Statistics;

/// Coroutines on several hubs, each on a thread of its own.
///
/// A job that was handed over is begun by whichever hub has time, and stays on that hub to its end.
/// What it waits for (I/O, timers, locks, tasks) holds up nobody else; what it computes holds up
/// the others of its hub. Jobs are begun in the order of their priority, equal ones in the order of
/// submission.
///
/// Dropping the pool waits until everything submitted has ended, except in one of its own
/// coroutines and on a thread of an async runtime: there it goes on in the background.
///
/// ```
/// use std::time::Duration;
/// use manyhands_coroutines::CoroutinePool;
///
/// let pool = CoroutinePool::new(2)?;
/// let tasks: Vec<_> = (0..1000)
///     .map(|n| {
///         pool.spawn(move || {
///             manyhands_coroutines::sleep(Duration::from_millis(10));
///             n
///         })
///     })
///     .collect();
/// let sum: u32 = tasks.into_iter().map(|task| task.result().unwrap()).sum();
/// assert_eq!(sum, 499_500);
/// # Ok::<(), manyhands_coroutines::BuildError>(())
/// ```
pub struct CoroutinePool {
    shared: Arc<Shared>,
}

impl CoroutinePool {
    /// A pool with so many hubs. They are started with the first job.
    ///
    /// # Errors
    /// [`BuildError`] for 0 hubs.
    pub fn new(hubs: usize) -> Result<CoroutinePool, BuildError> {
        CoroutinePool::builder().hubs(hubs).build()
    }

    /// Begins to set up a pool: number of hubs, size of stacks, limit, names.
    pub fn builder() -> CoroutinePoolBuilder {
        CoroutinePoolBuilder::default()
    }

    /// Runs the closure `f` as a coroutine.
    pub fn spawn<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Task<R> {
        InProcess::spawn(self, f)
    }

    /// Calls the closure `f` for every input, each call or run of quick calls as a coroutine, and
    /// yields the results in the order of the inputs, lazily. See [`Map`].
    pub fn map<'e, A, R, F, I>(&'e self, f: F, inputs: I) -> Map<'e, I, R>
    where
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
    {
        self.map_closure_with(MapOptions::new(), f, inputs)
    }

    /// What the pool does right now, and has done.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }
}

impl Executor for CoroutinePool {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        self.shared.submit(job)
    }

    fn limit(&self) -> Option<usize> {
        self.shared.limit()
    }

    /// The limit if there is one, else [`DEFAULT_WINDOW`](CoroutinePoolBuilder::DEFAULT_WINDOW) for
    /// each hub: how many calls `map` keeps under way.
    fn parallelism(&self) -> usize {
        self.shared.window()
    }

    #[track_caller]
    fn shutdown(&self, how: Shutdown) {
        self.shared.shutdown(how);
    }
}

impl InProcess for CoroutinePool {}

impl Drop for CoroutinePool {
    fn drop(&mut self) {
        let on_a_runtime =
            !manyhands_wait::has_scoped_parker() && tokio::runtime::Handle::try_current().is_ok();
        self.shutdown(if on_a_runtime { Shutdown::DETACH } else { Shutdown::WAIT });
    }
}

impl fmt::Debug for CoroutinePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoroutinePool").field("statistics", &self.statistics()).finish()
    }
}
