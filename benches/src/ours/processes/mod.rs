//! Processes of manyhands, in the part of a contender.
//!
//! - [`Pool`] – the pool, for the jobs that all pools do
//! - [`sharing`] – what several processes change together
//! - [`memory`] – what several processes read together

pub(crate) mod memory;
pub(crate) mod sharing;

use std::time::Duration;

use anyhow::{Context, Result};
use manyhands::{Executor, ExecutorExt, Portable, Process, ProcessPool, Shutdown, Task};

use crate::rivals::Workers;

/// The pool.
pub(crate) struct Pool(ProcessPool);

impl Workers for Pool {
    type Handle<R: Portable> = Task<R>;

    fn start(workers: usize, depth: Option<usize>) -> Result<Pool> {
        let pool = ProcessPool::builder().workers(workers);
        let pool = match depth {
            Some(depth) => pool.prefetch_depth(depth),
            None => pool,
        };
        Ok(Pool(pool.build()?))
    }

    fn submit<A: Portable, R: Portable>(&self, f: fn(A) -> R, argument: A) -> Task<R> {
        self.0.submit(f, argument)
    }

    fn result<R: Portable>(task: Task<R>) -> Result<R> {
        task.result().context("a task failed")
    }

    fn result_within<R: Portable>(mut task: Task<R>, limit: Duration) -> Result<R> {
        task.result_timeout(limit).context("a task does not end")?.context("a task failed")
    }

    fn end(self) {
        self.0.shutdown(Shutdown::WAIT);
    }

    fn process() -> Result<()> {
        Process::start(|()| (), ())?.join().context("a process failed")
    }
}
