//! What is said of a pool before it is made.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::CoroutinePool;
use super::shared::Shared;
use crate::stack::StackSize;

/// Made by [`CoroutinePool::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "there is no pool until `build`"]
pub struct CoroutinePoolBuilder {
    hubs: Option<usize>,
    pub(super) limit: Option<usize>,
    pub(super) relief: Option<usize>,
    pub(super) stack_size: Option<StackSize>,
    pub(super) name_prefix: Option<String>,
}

impl CoroutinePoolBuilder {
    /// For how many calls of a `map` each hub has room if the pool has no limit.
    pub const DEFAULT_WINDOW: usize = 256;

    /// How many jobs may be under way beyond the limit if nothing else is said: see
    /// [`relief`](Self::relief).
    pub const DEFAULT_RELIEF: usize = 4096;

    /// How many hubs, each on a thread of its own. Default: one for each core.
    pub fn hubs(mut self, hubs: usize) -> CoroutinePoolBuilder {
        self.hubs = Some(hubs);
        self
    }

    /// How many jobs may be under way at a time; others wait in the queue. Default: no limit.
    ///
    /// A job that waits for another of the same pool keeps its place meanwhile. When all places are
    /// held by jobs that wait for queued ones, directly or through others, one more is granted: see
    /// [`relief`](Self::relief).
    pub fn limit(mut self, jobs: usize) -> CoroutinePoolBuilder {
        self.limit = Some(jobs);
        self
    }

    /// How many jobs more than [`limit`](Self::limit) may be under way while all others wait for jobs in
    /// the queue of this very pool: proven, so that without one more none of them would ever go on. It
    /// ends as soon as the others can do without it. Default: [`DEFAULT_RELIEF`](Self::DEFAULT_RELIEF).
    ///
    /// With 0 the pool is strict: one of the waits ends with a
    /// [`Deadlock`](manyhands_wait::Deadlock) instead.
    pub fn relief(mut self, jobs: usize) -> CoroutinePoolBuilder {
        self.relief = Some(jobs);
        self
    }

    /// The size of each coroutine's stack. Memory is used only for what is touched. Default:
    /// [`StackSize::DEFAULT`].
    pub fn stack_size(mut self, size: StackSize) -> CoroutinePoolBuilder {
        self.stack_size = Some(size);
        self
    }

    /// The threads are named `prefix_0`, `prefix_1`, and so on. Default: `CoroutinePool-N`.
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> CoroutinePoolBuilder {
        self.name_prefix = Some(prefix.into());
        self
    }

    /// Makes the pool; no thread is started yet.
    ///
    /// # Errors
    /// [`BuildError`] for 0 hubs and a limit of 0.
    pub fn build(mut self) -> Result<CoroutinePool, BuildError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let hubs = self.hubs.unwrap_or_else(cores);
        if hubs == 0 {
            return Err(BuildError { what: "a coroutine pool needs at least 1 hub, not 0" });
        }
        if self.limit == Some(0) {
            return Err(BuildError { what: "a coroutine pool must let at least 1 job run, not 0" });
        }
        self.name_prefix.get_or_insert_with(|| {
            format!("CoroutinePool-{}", NEXT.fetch_add(1, Ordering::Relaxed))
        });
        Ok(CoroutinePool { shared: Shared::create(self, hubs) })
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
