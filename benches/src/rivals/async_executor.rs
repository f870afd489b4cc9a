//! async-executor, smol's: closures as async tasks, on threads that run the executor.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use async_executor::{Executor, Task};
use futures_lite::future::block_on;
use tokio::sync::watch;

use super::Pool;

/// An executor and the threads that run it.
pub(crate) struct Spawn {
    executor: Arc<Executor<'static>>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Spawn {
    pub(crate) const NAME: &'static str = "async-executor";
}

impl Pool for Spawn {
    type Handle = Task<u64>;

    fn start(workers: usize) -> anyhow::Result<Spawn> {
        let (stop, stopped) = watch::channel(false);
        let mut pool = Spawn { executor: Arc::default(), stop, threads: Vec::new() };
        for _ in 0..workers {
            let executor = Arc::clone(&pool.executor);
            let mut stopped = stopped.clone();
            let run = move || {
                // An error means that the pool is gone, which also is a reason to stop.
                let _ = block_on(executor.run(stopped.wait_for(|stop| *stop)));
            };
            let thread = std::thread::Builder::new().spawn(run);
            pool.threads.push(thread.context("cannot start a thread for async-executor")?);
        }
        Ok(pool)
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> Task<u64> {
        self.executor.spawn(async move { f() })
    }

    fn result(&self, handle: Task<u64>) -> anyhow::Result<u64> {
        Ok(block_on(handle))
    }

    fn sum(&self, handles: Vec<Task<u64>>) -> anyhow::Result<u64> {
        Ok(block_on(async {
            let mut sum = 0_u64;
            for handle in handles {
                sum = sum.wrapping_add(handle.await);
            }
            sum
        }))
    }
}

impl Drop for Spawn {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
    }
}
