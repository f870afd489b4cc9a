//! tokio: `spawn` and `spawn_blocking` on a multi-thread runtime.

use std::pin::Pin;

use anyhow::Context;
use tokio::runtime::Builder;
pub(crate) use tokio::runtime::Runtime;
pub(crate) use tokio::task::JoinHandle;

use super::Pool;

/// Closures as async tasks that never wait.
pub(crate) struct Spawn(Runtime);

impl Spawn {
    pub(crate) const NAME: &'static str = "tokio, spawn";
}

impl Pool for Spawn {
    type Handle = JoinHandle<u64>;

    fn start(workers: usize) -> anyhow::Result<Spawn> {
        Ok(Spawn(runtime(workers)?))
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> JoinHandle<u64> {
        self.0.spawn(async move { f() })
    }

    fn result(&self, handle: JoinHandle<u64>) -> anyhow::Result<u64> {
        self.0.block_on(handle).context("a task failed")
    }

    fn sum(&self, handles: Vec<JoinHandle<u64>>) -> anyhow::Result<u64> {
        sum(&self.0, handles)
    }
}

/// Closures on the threads that are meant for blocking code.
pub(crate) struct SpawnBlocking(Runtime);

impl SpawnBlocking {
    pub(crate) const NAME: &'static str = "tokio, spawn_blocking";
}

impl Pool for SpawnBlocking {
    type Handle = JoinHandle<u64>;

    fn start(workers: usize) -> anyhow::Result<SpawnBlocking> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).max_blocking_threads(workers).build();
        Ok(SpawnBlocking(runtime.context("cannot make tokio's runtime")?))
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> JoinHandle<u64> {
        self.0.spawn_blocking(f)
    }

    fn result(&self, handle: JoinHandle<u64>) -> anyhow::Result<u64> {
        self.0.block_on(handle).context("a task failed")
    }

    fn sum(&self, handles: Vec<JoinHandle<u64>>) -> anyhow::Result<u64> {
        sum(&self.0, handles)
    }
}

/// A multi-thread runtime with this many workers.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn runtime(workers: usize) -> anyhow::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).build().context("cannot make tokio's runtime")
}

/// Awaits all in one go: entering the runtime for each would be charged to tokio.
pub(crate) fn sum(runtime: &Runtime, handles: Vec<JoinHandle<u64>>) -> anyhow::Result<u64> {
    runtime.block_on(async {
        let mut sum = 0_u64;
        for handle in handles {
            sum = sum.wrapping_add(handle.await.context("a task failed")?);
        }
        Ok(sum)
    })
}

/// Fibonacci's number, with a task for every left branch, awaited in a task.
pub(crate) fn fibonacci(n: u64) -> Pin<Box<dyn Future<Output = anyhow::Result<u64>> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return Ok(n);
        }
        let left = tokio::spawn(fibonacci(n - 1));
        let right = fibonacci(n - 2).await?;
        Ok(left.await.context("a task failed")?? + right)
    })
}
