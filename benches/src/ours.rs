//! manyhands, in the part of a contender.

pub(crate) mod coroutines;
pub(crate) mod processes;
pub(crate) mod sync;

use std::sync::Arc;

use anyhow::Context;
use manyhands::{AnyExecutor, ExecutorExt, Task, ThreadPool};

use crate::rivals::Pool;

/// A pool of threads that runs closures.
impl Pool for ThreadPool {
    type Handle = Task<u64>;

    fn start(workers: usize) -> anyhow::Result<ThreadPool> {
        Ok(ThreadPool::new(workers)?)
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> Task<u64> {
        ThreadPool::spawn(self, f)
    }

    fn result(&self, handle: Task<u64>) -> anyhow::Result<u64> {
        handle.result().context("a task failed")
    }
}

/// The executor `threads:N`, chosen by name.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn by_name(name: &str) -> anyhow::Result<AnyExecutor> {
    name.parse().with_context(|| format!("cannot start the executor {name}"))
}

/// Submits a plain function, which any executor can run, `tasks` times; the sum of the results.
///
/// # Errors
/// When a task fails.
pub(crate) fn submit_functions(executor: &AnyExecutor, tasks: u64) -> anyhow::Result<u64> {
    let submitted: Vec<Task<u64>> =
        (0..tasks).map(|n| executor.submit(std::convert::identity, n)).collect();
    submitted.into_iter().try_fold(0, |sum, task| {
        let value = task.result().context("a task failed")?;
        Ok(sum + value)
    })
}

/// Fibonacci's number, with a task for every left branch, awaited inside the pool.
pub(crate) fn fibonacci(pool: &Arc<ThreadPool>, n: u64) -> anyhow::Result<u64> {
    if n < 2 {
        return Ok(n);
    }
    let left = {
        let inner = Arc::clone(pool);
        pool.spawn(move || fibonacci(&inner, n - 1))
    };
    let right = fibonacci(pool, n - 2)?;
    Ok(left.result().context("a task failed")?? + right)
}
