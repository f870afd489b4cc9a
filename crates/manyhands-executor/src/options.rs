//! What can be asked for one task: name, deadline, time limit, priority.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::retry::RetryPolicy;

/// Options of one task, given to [`ExecutorExt::with`](crate::ExecutorExt::with).
///
/// ```
/// use std::time::Duration;
/// use manyhands_executor::{ExecutorExt, Sequential, TaskOptions};
///
/// let careful = TaskOptions::new().name("halve").time_limit(Duration::from_secs(5));
/// let task = Sequential::new().with(careful).submit(|n: u32| n / 2, 84);
/// assert_eq!(task.result().unwrap(), 42);
/// ```
#[derive(Debug, Clone, Default)]
pub struct TaskOptions {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) priority: i32,
    pub(crate) retry: Option<RetryPolicy>,
}

impl TaskOptions {
    /// No name, no deadline, no limit, priority 0.
    #[inline]
    pub const fn new() -> TaskOptions {
        TaskOptions { name: None, deadline: None, time_limit: None, priority: 0, retry: None }
    }

    /// The task's name in dumps, errors and traces.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> TaskOptions {
        self.name = Some(name.into());
        self
    }

    /// The task must have ended by then, or it fails as timed out: in the queue it is not started
    /// any more, running code is ended at its next wait.
    pub fn deadline(mut self, at: Instant) -> TaskOptions {
        self.deadline = Some(at);
        self
    }

    /// How long the task may run, from its start; then it is ended at its next wait and fails as
    /// timed out. Time in the queue does not count; with retries, all attempts together do.
    pub fn time_limit(mut self, limit: Duration) -> TaskOptions {
        self.time_limit = Some(limit);
        self
    }

    /// Tasks with a higher priority are started first, equal ones in the order of submission.
    /// Default: 0. Executors without a queue of their own ignore it and say so.
    pub fn priority(mut self, priority: i32) -> TaskOptions {
        self.priority = priority;
        self
    }

    #[inline]
    pub(crate) fn is_default(&self) -> bool {
        self.name.is_none()
            && self.deadline.is_none()
            && self.time_limit.is_none()
            && self.priority == 0
            && self.retry.is_none()
    }

    /// When code that starts now must end.
    pub(crate) fn run_deadline(&self) -> Option<Instant> {
        let limit = self.time_limit.and_then(|limit| Instant::now().checked_add(limit));
        match (self.deadline, limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}
