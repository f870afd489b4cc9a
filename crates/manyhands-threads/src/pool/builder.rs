//! What is said of a pool before it is made.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ThreadPool;
use super::shared::Shared;

/// Called in each worker before its first job; the text of an error breaks the pool.
pub(super) type Initializer = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The size of a pool that was given none: the number of cores plus 4, at most 32, as in CPython.
/// Enough to overlap some input and output, few enough not to cost much on a large machine.
pub fn default_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_add(4).min(32)
}

/// Made by [`ThreadPool::builder`].
#[derive(Clone, Default)]
#[must_use = "there is no pool until `build`"]
pub struct ThreadPoolBuilder {
    workers: Option<usize>,
    pub(super) name_prefix: Option<String>,
    pub(super) initializer: Option<Initializer>,
    pub(super) queue_bound: Option<usize>,
    pub(super) stack_bytes: Option<usize>,
    pub(super) daemon: bool,
    pub(super) relief: Option<usize>,
}

impl ThreadPoolBuilder {
    /// How many workers may be started beyond the number of a pool if nothing else is said: see
    /// [`relief`](Self::relief).
    pub const DEFAULT_RELIEF: usize = 256;

    /// The greatest number of threads at work. Default: [`default_workers`].
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, workers: usize) -> ThreadPoolBuilder {
        self.workers = Some(workers);
        self
    }

    /// Workers are named `prefix_0`, `prefix_1`, and so on. Default: `ThreadPool-N`.
    #[doc(alias = "thread_name_prefix")]
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> ThreadPoolBuilder {
        self.name_prefix = Some(prefix.into());
        self
    }

    /// Called in each worker before its first job. If it fails or panics the pool is broken:
    /// what is queued fails, and nothing more is taken, each time with the reason.
    pub fn initializer<E: fmt::Display>(
        mut self,
        f: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> ThreadPoolBuilder {
        self.initializer = Some(Arc::new(move || match catch_unwind(AssertUnwindSafe(&f)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the initializer failed: {error}")),
            Err(payload) => Err(format!("the initializer panicked: {}", text_of(&*payload))),
        }));
        self
    }

    /// How many jobs may be queued. When that many are, `submit` and `spawn` wait, and their
    /// `try_` forms return [`Full`](manyhands_executor::RejectedReason::Full). The pool's own
    /// workers do not wait: nobody else might make room. If none of them ever will, because all wait for
    /// who submits, the task fails with a [`Deadlock`](manyhands_wait::Deadlock). Default: no bound.
    pub fn queue_bound(mut self, jobs: usize) -> ThreadPoolBuilder {
        self.queue_bound = Some(jobs);
        self
    }

    /// The size of each worker's stack in bytes. Default: std's, 2 MiB.
    pub fn stack_bytes(mut self, bytes: usize) -> ThreadPoolBuilder {
        self.stack_bytes = Some(bytes);
        self
    }

    /// How many workers more than [`workers`](Self::workers) there may be while all others wait, directly
    /// or through others, for jobs in the queue of this very pool: proven, so that without one more none
    /// of them would ever go on. It ends as soon as the others can do without it. Default:
    /// [`DEFAULT_RELIEF`](Self::DEFAULT_RELIEF).
    ///
    /// With 0 the pool is strict: one of the waits ends with a
    /// [`Deadlock`](manyhands_wait::Deadlock) instead.
    pub fn relief(mut self, workers: usize) -> ThreadPoolBuilder {
        self.relief = Some(workers);
        self
    }

    /// Whether the end of the process leaves the pool's work unfinished. Default: it is finished.
    pub fn daemon(mut self, daemon: bool) -> ThreadPoolBuilder {
        self.daemon = daemon;
        self
    }

    /// Makes the pool; no thread is started yet.
    ///
    /// # Errors
    /// [`BuildError`] for 0 workers and for a queue that holds 0 jobs.
    pub fn build(mut self) -> Result<ThreadPool, BuildError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let workers = self.workers.unwrap_or_else(default_workers);
        if workers == 0 {
            return Err(BuildError { what: "a thread pool needs at least 1 worker, not 0" });
        }
        if self.queue_bound == Some(0) {
            return Err(BuildError { what: "a bounded queue must hold at least 1 job, not 0" });
        }
        self.name_prefix
            .get_or_insert_with(|| format!("ThreadPool-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        Ok(ThreadPool { shared: Shared::create(self, workers) })
    }
}

impl fmt::Debug for ThreadPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPoolBuilder")
            .field("workers", &self.workers)
            .field("name_prefix", &self.name_prefix)
            .field("initializer", &self.initializer.is_some())
            .field("queue_bound", &self.queue_bound)
            .field("stack_bytes", &self.stack_bytes)
            .field("daemon", &self.daemon)
            .field("relief", &self.relief)
            .finish()
    }
}

/// A pool cannot be made like this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    what: &'static str,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for BuildError {}

fn text_of(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
