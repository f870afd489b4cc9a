//! rayon: `spawn` with channels for the results, `par_iter`, `join`.
//!
//! rayon's `spawn` returns nothing, so results come through channels. One channel for each task is
//! what stands against a task handle: a result can be asked for by itself. One channel for all is
//! cheaper and does less: results come in any order and nobody knows which is whose.

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::Pool;

/// `spawn` with a oneshot channel for each task.
pub(crate) struct WithOneshot(ThreadPool);

impl WithOneshot {
    pub(crate) const NAME: &'static str = "rayon, oneshot each";
}

impl Pool for WithOneshot {
    type Handle = oneshot::Receiver<u64>;

    fn start(workers: usize) -> anyhow::Result<WithOneshot> {
        Ok(WithOneshot(pool(workers)?))
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> oneshot::Receiver<u64> {
        let (sender, receiver) = oneshot::channel();
        self.0.spawn(move || {
            // Nobody waits any more: then nobody minds.
            let _ = sender.send(f());
        });
        receiver
    }

    fn result(&self, handle: oneshot::Receiver<u64>) -> anyhow::Result<u64> {
        handle.recv().context("a result was lost")
    }
}

/// `spawn` with one channel that all results go through.
pub(crate) struct WithSharedChannel {
    pool: ThreadPool,
    sender: Sender<u64>,
    receiver: Receiver<u64>,
}

impl WithSharedChannel {
    pub(crate) const NAME: &'static str = "rayon, one channel for all";
}

impl Pool for WithSharedChannel {
    /// Results are not told apart.
    type Handle = ();

    fn start(workers: usize) -> anyhow::Result<WithSharedChannel> {
        let (sender, receiver) = unbounded();
        Ok(WithSharedChannel { pool: pool(workers)?, sender, receiver })
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) {
        let sender = self.sender.clone();
        self.pool.spawn(move || {
            let _ = sender.send(f());
        });
    }

    fn result(&self, (): ()) -> anyhow::Result<u64> {
        self.receiver.recv().context("a result was lost")
    }
}

/// `install`, which runs a closure in the pool while the caller waits: no handle at all.
pub(crate) struct Install(ThreadPool);

impl Install {
    pub(crate) const NAME: &'static str = "rayon, install";
}

impl Pool for Install {
    type Handle = u64;

    fn start(workers: usize) -> anyhow::Result<Install> {
        Ok(Install(pool(workers)?))
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> u64 {
        self.0.install(f)
    }

    fn result(&self, value: u64) -> anyhow::Result<u64> {
        Ok(value)
    }
}

/// A pool of this many threads.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn pool(workers: usize) -> anyhow::Result<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(workers).build().context("cannot make rayon's pool")
}

/// `par_iter().map().collect()` over the numbers up to `items`.
pub(crate) fn map(pool: &ThreadPool, f: impl Fn(u64) -> u64 + Send + Sync, items: u64) -> Vec<u64> {
    pool.install(|| (0..items).into_par_iter().map(f).collect())
}

/// Fibonacci's number by `join`: halves on the stack, no handles, nothing allocated.
pub(crate) fn fibonacci(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (left, right) = rayon::join(|| fibonacci(n - 1), || fibonacci(n - 2));
    left + right
}
