//! procspawn: worker processes for Rust, which are this program started again.

use std::time::Duration;

use anyhow::{Context, Result};
use manyhands::Portable;
use procspawn::JoinHandle;

use super::Workers;

pub(crate) const NAME: &str = "procspawn";

/// Its pool. It has no depth: a worker gets a task when it is done with the one before.
pub(crate) struct Pool(procspawn::Pool);

/// To be called at the beginning of `main`: does not return in its workers.
pub(crate) fn take_over() {
    procspawn::init();
}

impl Workers for Pool {
    type Handle<R: Portable> = JoinHandle<R>;

    /// Each call that is under way takes several descriptors: beyond some 10,000 it panics.
    const MOST_AT_A_TIME: u64 = 1_000;

    fn start(workers: usize, _depth: Option<usize>) -> Result<Pool> {
        let mut pool = procspawn::Pool::builder(workers);
        // A worker that is left over must not keep its reader waiting.
        pool.disable_stdin().disable_stdout();
        Ok(Pool(pool.build().context("procspawn starts no pool")?))
    }

    fn submit<A: Portable, R: Portable>(&self, f: fn(A) -> R, argument: A) -> JoinHandle<R> {
        self.0.spawn(argument, f)
    }

    fn result<R: Portable>(handle: JoinHandle<R>) -> Result<R> {
        handle.join().context("a task failed")
    }

    fn result_within<R: Portable>(mut handle: JoinHandle<R>, limit: Duration) -> Result<R> {
        handle.join_timeout(limit).context("a task failed")
    }

    fn end(self) {
        self.0.shutdown();
    }

    fn process() -> Result<()> {
        procspawn::spawn((), |()| ()).join().context("a process failed")
    }
}
