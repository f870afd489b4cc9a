//! What is said of a pool before it is made.

use std::ffi::OsStr;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use manyhands_executor::Portable;

use super::ProcessPool;
use super::initializer::Initializer;
use crate::start::Environment;

/// Made by [`ProcessPool::builder`].
#[derive(Clone)]
#[must_use = "there is no pool until `build`"]
pub struct ProcessPoolBuilder {
    workers: Option<usize>,
    name: Option<String>,
    settings: Settings,
}

/// What a pool is like.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) workers: usize,
    pub(super) name: String,
    pub(super) eager: bool,
    pub(super) initializer: Option<Arc<dyn Initializer>>,
    pub(super) environment: Environment,
    pub(super) clean_environment: bool,
    pub(super) tasks_max: Option<u64>,
    pub(super) address_space_max: Option<u64>,
    pub(super) resident_max: Option<u64>,
    pub(super) prefetch_depth: Option<usize>,
    pub(super) start_timeout: Duration,
    pub(super) grace: Duration,
    pub(super) drop_limit: Duration,
}

impl Default for ProcessPoolBuilder {
    fn default() -> Self {
        ProcessPoolBuilder {
            workers: None,
            name: None,
            settings: Settings {
                workers: 0,
                name: String::new(),
                eager: false,
                initializer: None,
                environment: Environment::default(),
                clean_environment: false,
                tasks_max: None,
                address_space_max: None,
                resident_max: None,
                prefetch_depth: None,
                start_timeout: Duration::from_secs(60),
                grace: Duration::from_millis(200),
                drop_limit: Duration::from_secs(3600),
            },
        }
    }
}

impl ProcessPoolBuilder {
    /// The greatest number of workers at work. Default: the number of cores.
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, workers: usize) -> ProcessPoolBuilder {
        self.workers = Some(workers);
        self
    }

    /// Workers are named `name_0`, `name_1`, and so on. Default: `ProcessPool-N`.
    pub fn name(mut self, name: impl Into<String>) -> ProcessPoolBuilder {
        self.name = Some(name.into());
        self
    }

    /// Whether all workers are started at once, instead of each when there is work for it.
    /// Default: each when there is work.
    pub fn eager(mut self, eager: bool) -> ProcessPoolBuilder {
        self.settings.eager = eager;
        self
    }

    /// Called in each worker before its first task. If it fails or panics the pool is broken: what
    /// has not begun fails, and nothing more is taken, each time with the reason. Its time counts
    /// as part of the [start](Self::start_timeout).
    pub fn initializer<A, E>(mut self, f: fn(A) -> Result<(), E>, argument: A) -> ProcessPoolBuilder
    where
        A: Portable + Clone + Sync,
        E: Portable + fmt::Display,
    {
        self.settings.initializer = Some(super::initializer::of(f, argument));
        self
    }

    /// Sets a variable in the workers' environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> ProcessPoolBuilder {
        self.settings.environment.set(name, value);
        self
    }

    /// Takes a variable out of the workers' environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> ProcessPoolBuilder {
        self.settings.environment.remove(name);
        self
    }

    /// Has the workers' environment begin empty instead of as this process's.
    pub fn env_clear(mut self) -> ProcessPoolBuilder {
        self.settings.clean_environment = true;
        self
    }

    /// Replaces a worker after so many tasks, for code that leaks. The replacement is started
    /// before the old worker has ended its last tasks. Default: never.
    #[doc(alias = "max_tasks_per_child")]
    #[doc(alias = "maxtasksperchild")]
    pub fn max_tasks_per_worker(mut self, tasks: u64) -> ProcessPoolBuilder {
        self.settings.tasks_max = Some(tasks);
        self
    }

    /// How many bytes of addresses a worker may have (`RLIMIT_AS`). An allocation beyond that fails
    /// there, which in Rust aborts the worker: the task is lost with it. Code, stacks and shared
    /// memory count too, so a worker needs some 100 MiB to begin with. Default: no limit.
    pub fn memory_limit(mut self, bytes: u64) -> ProcessPoolBuilder {
        self.settings.address_space_max = Some(bytes);
        self
    }

    /// Replaces a worker after a task if it has more memory than this, in bytes, as the system
    /// counts what is resident. It is looked at from time to time, so a worker may have more for a
    /// while. Default: no limit.
    pub fn recycle_above(mut self, resident_bytes: u64) -> ProcessPoolBuilder {
        self.settings.resident_max = Some(resident_bytes);
        self
    }

    /// How many tasks a worker has at a time: the one that runs, and those that it goes on with
    /// without having to ask. What it has not begun it loses to workers that have nothing to do, so
    /// more is rarely worse. Default: 2, and more, up to 256, for tasks shorter than 50 µs.
    pub fn prefetch_depth(mut self, tasks: usize) -> ProcessPoolBuilder {
        self.settings.prefetch_depth = Some(tasks);
        self
    }

    /// How long a worker may take to start, its initializer included. Default: 60 s.
    pub fn start_timeout(mut self, limit: Duration) -> ProcessPoolBuilder {
        self.settings.start_timeout = limit;
        self
    }

    /// How long a running task that is cancelled, or whose time is over, may take to end at its next
    /// wait before its worker gets SIGTERM; and how long the worker may take then before it is
    /// killed. Default: 200 ms each.
    pub fn grace(mut self, grace: Duration) -> ProcessPoolBuilder {
        self.settings.grace = grace;
        self
    }

    /// How long dropping the pool waits for its tasks. When that is over, what is left is given up:
    /// queued tasks are cancelled, and workers are killed. Default: one hour.
    pub fn drop_limit(mut self, limit: Duration) -> ProcessPoolBuilder {
        self.settings.drop_limit = limit;
        self
    }

    /// Makes the pool.
    ///
    /// # Errors
    /// [`PoolBuildError`] for 0 workers, 0 tasks per worker, or a prefetch depth of 0, and if the
    /// system grants neither a thread nor the few descriptors that the pool itself needs.
    pub fn build(self) -> Result<ProcessPool, PoolBuildError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let refused = |what: &str| Err(PoolBuildError { what: what.to_owned() });
        let ProcessPoolBuilder { workers, name, mut settings } = self;
        settings.workers = workers.unwrap_or_else(default_workers);
        if settings.workers == 0 {
            return refused("a pool of processes needs at least 1 worker, not 0");
        }
        if settings.tasks_max == Some(0) {
            return refused("a worker must be allowed at least 1 task, not 0");
        }
        if settings.prefetch_depth == Some(0) {
            return refused("a worker must have at least 1 task at a time, not 0");
        }
        settings.name =
            name.unwrap_or_else(|| format!("ProcessPool-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        ProcessPool::start(settings).map_err(|error| PoolBuildError {
            what: format!("a pool of processes was not started: {error}"),
        })
    }
}

impl fmt::Debug for ProcessPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { eager, initializer, tasks_max, prefetch_depth, .. } = &self.settings;
        f.debug_struct("ProcessPoolBuilder")
            .field("workers", &self.workers)
            .field("name", &self.name)
            .field("eager", eager)
            .field("initializer", &initializer.is_some())
            .field("max_tasks_per_worker", tasks_max)
            .field("prefetch_depth", prefetch_depth)
            .finish_non_exhaustive()
    }
}

/// The number of cores.
fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A pool cannot be made like this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolBuildError {
    what: String,
}

impl fmt::Display for PoolBuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for PoolBuildError {}
