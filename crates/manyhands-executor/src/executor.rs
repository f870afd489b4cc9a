//! The interface of every executor.

use std::fmt;
use std::sync::Arc;

use crate::job::Job;

/// Something that runs jobs. Object safe: `Box<dyn Executor>` is the normal way to hold one.
///
/// Programs call the methods of [`ExecutorExt`](crate::ExecutorExt), which every executor has, and
/// of [`InProcess`](crate::InProcess), which those have that share the caller's memory.
///
/// # Implementing
///
/// `execute` either takes the job, and then runs it, fails it or hands it on, or gives it back. It
/// must not run the job on the caller's stack, except where that is the executor's nature and its
/// documentation says so (as [`Sequential`](crate::Sequential) does).
#[doc(alias = "concurrent.futures.Executor")]
pub trait Executor: Send + Sync {
    /// Runs this job, somewhere, some time.
    ///
    /// May wait for room in a bounded queue.
    ///
    /// # Errors
    /// [`Rejected`], with the job, if it cannot be taken.
    fn execute(&self, job: Job) -> Result<(), Rejected>;

    /// Like [`execute`](Self::execute), but never waits for room.
    ///
    /// # Errors
    /// [`Rejected`], with the job, if it cannot be taken now.
    fn try_execute(&self, job: Job) -> Result<(), Rejected> {
        self.execute(job)
    }

    /// How many jobs at a time it is good for: what `map` keeps under way. At least 1.
    fn parallelism(&self) -> usize;

    /// How many jobs it runs at a time at most, however many are submitted; `None` if it promises
    /// nothing. Those that have declared that they block do not count.
    fn limit(&self) -> Option<usize> {
        None
    }

    /// Ends the executor: no job is taken any more. Ending it again, in another way, adds to the
    /// first.
    ///
    /// # Panics
    /// With the report if it waits and the end can never come, because a task of the executor waits for
    /// this very caller, or for others who do. The executor takes nothing any more then, and ends when
    /// that task has. Dropping a pool that waits does the same.
    fn shutdown(&self, how: Shutdown);
}

/// How an executor is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shutdown {
    /// Whether to wait until everything has ended.
    pub wait: bool,
    /// Whether to cancel what has not begun.
    pub cancel_queued: bool,
}

impl Shutdown {
    /// Waits until everything submitted has ended. Python's `shutdown()`.
    pub const WAIT: Shutdown = Shutdown { wait: true, cancel_queued: false };
    /// Returns at once; what was submitted is still run. Python's `shutdown(wait=False)`.
    pub const DETACH: Shutdown = Shutdown { wait: false, cancel_queued: false };
    /// Cancels what has not begun and waits for what has. Python's
    /// `shutdown(cancel_futures=True)`.
    pub const CANCEL_QUEUED: Shutdown = Shutdown { wait: true, cancel_queued: true };
}

/// Why an executor did not take a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectedReason {
    /// It was shut down.
    ShutDown,
    /// Its queue is full.
    Full,
    /// It is broken, for the reason in the text.
    Broken(String),
    /// The job is a closure or a future, and the executor's workers do not share this memory.
    NotPortable,
}

impl fmt::Display for RejectedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RejectedReason::ShutDown => f.write_str("the executor was shut down"),
            RejectedReason::Full => f.write_str("the executor's queue is full"),
            RejectedReason::Broken(why) => write!(f, "the executor is broken: {why}"),
            RejectedReason::NotPortable => f.write_str(
                "the executor's workers do not share this memory: submit a plain function instead \
                 of a closure",
            ),
        }
    }
}

/// A job that an executor did not take, and why.
///
/// Dropping it cancels the job's task: who was told that it was not taken, and offers it to nobody
/// else, has decided that it is not to run.
#[derive(Debug)]
pub struct Rejected {
    /// There until it is taken out.
    job: Option<Job>,
    reason: RejectedReason,
}

impl Rejected {
    /// The rejection of `job`.
    pub fn new(job: Job, reason: RejectedReason) -> Rejected {
        Rejected { job: Some(job), reason }
    }

    /// Why.
    pub fn reason(&self) -> &RejectedReason {
        &self.reason
    }

    /// The job, to be offered to another executor.
    pub fn into_job(mut self) -> Job {
        self.job.take().expect("the job is taken out only where `self` is consumed")
    }

    /// Fails the job's task with the reason.
    pub(crate) fn fail_task(self) {
        let reason = self.reason.clone();
        self.into_job().reject(reason);
    }
}

impl Drop for Rejected {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            job.cancel();
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Rejected {}

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        impl<E: Executor + ?Sized> Executor for $pointer {
            fn execute(&self, job: Job) -> Result<(), Rejected> {
                (**self).execute(job)
            }

            fn try_execute(&self, job: Job) -> Result<(), Rejected> {
                (**self).try_execute(job)
            }

            fn limit(&self) -> Option<usize> {
                (**self).limit()
            }

            fn parallelism(&self) -> usize {
                (**self).parallelism()
            }

            fn shutdown(&self, how: Shutdown) {
                (**self).shutdown(how);
            }
        }
    )+};
}

forward!(Box<E>, Arc<E>, &E);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::TaskOptions;

    #[test]
    fn a_rejected_job_that_is_dropped_is_a_cancelled_task_not_a_lost_one() {
        let (task, job) = Job::of(TaskOptions::new(), || 42);
        drop(Rejected::new(job, RejectedReason::Full));
        assert!(task.is_cancelled(), "a lost task would be reported although it was told");
    }

    #[test]
    fn a_rejected_job_can_be_run_after_all() {
        let (task, job) = Job::of(TaskOptions::new(), || 42);
        Rejected::new(job, RejectedReason::Full).into_job().run();
        assert_eq!(task.result().unwrap(), 42);
    }
}
