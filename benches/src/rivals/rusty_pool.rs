//! rusty_pool: `evaluate`, whose handle waits for the result.

use std::time::Duration;

use anyhow::Context;
use rusty_pool::{JoinHandle, ThreadPool};

use super::Pool;

/// `evaluate` on a pool of fixed size.
pub(crate) struct Evaluate(ThreadPool);

impl Evaluate {
    pub(crate) const NAME: &'static str = "rusty_pool";
}

impl Pool for Evaluate {
    type Handle = JoinHandle<u64>;

    fn start(workers: usize) -> anyhow::Result<Evaluate> {
        // As many core threads as there may be at all, so that none comes or goes.
        Ok(Evaluate(ThreadPool::new(workers, workers, Duration::from_secs(60))))
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> JoinHandle<u64> {
        self.0.evaluate(f)
    }

    fn result(&self, handle: JoinHandle<u64>) -> anyhow::Result<u64> {
        handle.try_await_complete().context("a result was lost")
    }
}
