//! An executor that keeps its jobs until the test runs them.

use std::collections::VecDeque;
use std::sync::Mutex;

use manyhands_executor::{Executor, Home, InProcess, Job, Rejected, RejectedReason, Shutdown};

/// Takes jobs and does nothing with them by itself.
pub(crate) struct ByHand {
    home: Home,
    /// `None` once shut down.
    jobs: Mutex<Option<VecDeque<Job>>>,
}

impl ByHand {
    pub(crate) fn new() -> ByHand {
        ByHand { home: Home::create(), jobs: Mutex::new(Some(VecDeque::new())) }
    }

    /// The job that has waited longest.
    #[track_caller]
    pub(crate) fn next(&self) -> Job {
        self.jobs.lock().unwrap().as_mut().unwrap().pop_front().expect("a job is queued")
    }

    /// Runs `f` as a worker of this executor would.
    pub(crate) fn work<R>(&self, f: impl FnOnce() -> R) -> R {
        self.home.work(f)
    }
}

impl Executor for ByHand {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        match self.jobs.lock().unwrap().as_mut() {
            Some(jobs) => {
                job.set_home(self.home);
                jobs.push_back(job);
                Ok(())
            }
            None => Err(Rejected::new(job, RejectedReason::ShutDown)),
        }
    }

    fn parallelism(&self) -> usize {
        1
    }

    fn shutdown(&self, _how: Shutdown) {
        let jobs = self.jobs.lock().unwrap().take();
        jobs.into_iter().flatten().for_each(Job::cancel);
    }
}

impl InProcess for ByHand {}
