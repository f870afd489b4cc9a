//! The executor that needs no help: it runs every job at once, on the caller's stack.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::executor::{Executor, Rejected, RejectedReason, Shutdown};
use crate::job::Job;
use crate::submit::InProcess;

/// Runs every job when it is submitted, before `submit` returns: the measure of all other models,
/// and a way to debug.
///
/// ```
/// use manyhands_executor::{ExecutorExt, Sequential};
///
/// let squares: Result<Vec<u32>, _> = Sequential::new().map(|n: u32| n * n, 1..=4).collect();
/// assert_eq!(squares.unwrap(), [1, 4, 9, 16]);
/// ```
#[derive(Debug, Default)]
pub struct Sequential {
    shut_down: AtomicBool,
}

impl Sequential {
    /// A sequential executor.
    pub fn new() -> Sequential {
        Sequential::default()
    }
}

impl Executor for Sequential {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        if self.shut_down.load(Ordering::Acquire) {
            return Err(Rejected::new(job, RejectedReason::ShutDown));
        }
        job.run();
        Ok(())
    }

    fn limit(&self) -> Option<usize> {
        Some(1)
    }

    fn parallelism(&self) -> usize {
        1
    }

    fn shutdown(&self, _how: Shutdown) {
        self.shut_down.store(true, Ordering::Release);
    }
}

impl InProcess for Sequential {}
