//! Tasks in the order in which they end.

use std::fmt;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, WaitError};

use crate::task::AsTask;
use crate::tasks_edge::Needs;
use crate::watch::Watch;

static NEXT_TO_END: Reason = Reason::new("next task to end");

/// Yields the given tasks as they end, those that have ended already first. A task given more than
/// once (by reference or handle) is yielded once.
///
/// Iterating waits; it works from threads and coroutines. Async code uses
/// [`next_async`](AsCompleted::next_async). A worker that iterates over tasks still queued in its
/// own executor runs one of them when none has ended. Dropping the iterator leaves the remaining
/// tasks as they are. The source is CPython's `concurrent.futures.as_completed`.
///
/// If none of the tasks that are left can ever end, because they wait for this very caller or for
/// others who do, `next` panics with the report, as [`wait_any`](crate::wait_any) does.
///
/// ```
/// use manyhands_executor::{ExecutorExt, Sequential, as_completed};
///
/// let executor = Sequential::new();
/// let tasks: Vec<_> = (1..=3).map(|n: u32| executor.submit(|n| n * n, n)).collect();
/// let sum: u32 = as_completed(tasks).map(|task| task.result().unwrap()).sum();
/// assert_eq!(sum, 14);
/// ```
#[doc(alias = "iwait")]
pub fn as_completed<T: AsTask>(tasks: impl IntoIterator<Item = T>) -> AsCompleted<T> {
    AsCompleted::new(tasks)
}

/// Like [`as_completed`], for at most `limit` from now: then it yields [`Unfinished`] once, and
/// nothing more. A limit of zero still yields what has ended.
pub fn as_completed_timeout<T: AsTask>(
    tasks: impl IntoIterator<Item = T>,
    limit: Duration,
) -> AsCompletedTimeout<T> {
    AsCompletedTimeout { all: AsCompleted::new(tasks), until: Instant::now().checked_add(limit) }
}

/// The iterator of [`as_completed`].
pub struct AsCompleted<T> {
    watch: Watch<T>,
    left: usize,
}

impl<T: AsTask> AsCompleted<T> {
    fn new(tasks: impl IntoIterator<Item = T>) -> AsCompleted<T> {
        let watch = Watch::over(tasks);
        AsCompleted { left: watch.len(), watch }
    }

    /// The next task to end, for async code; `None` when all were yielded. Dropping the future
    /// loses nothing.
    pub async fn next_async(&mut self) -> Option<T> {
        if self.left == 0 {
            return None;
        }
        let place = poll_fn(|cx| self.watch.poll_next(cx)).await;
        self.take(place)
    }

    /// How many tasks have not been yielded.
    pub fn remaining(&self) -> usize {
        self.left
    }

    #[track_caller]
    fn next_until(&mut self, until: Option<Instant>) -> Option<Result<T, Unfinished>> {
        if self.left == 0 {
            return None;
        }
        match self.watch.next(&NEXT_TO_END, Needs::Any, until) {
            Ok(place) => self.take(place).map(Ok),
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
            Err(_time_is_over) => {
                Some(Err(Unfinished { unfinished: self.left, of: self.watch.len() }))
            }
        }
    }

    fn take(&mut self, place: usize) -> Option<T> {
        self.left -= 1;
        self.watch.take(place)
    }
}

impl<T: AsTask> Iterator for AsCompleted<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.next_until(None)?.ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.left)
            .field("of", &self.watch.len())
            .finish()
    }
}

/// The iterator of [`as_completed_timeout`].
#[derive(Debug)]
pub struct AsCompletedTimeout<T> {
    all: AsCompleted<T>,
    until: Option<Instant>,
}

impl<T: AsTask> AsCompletedTimeout<T> {
    /// The tasks that have not been yielded.
    pub fn into_unfinished(mut self) -> Vec<T> {
        self.all.watch.take_all().map(|(task, _)| task).collect()
    }
}

impl<T: AsTask> Iterator for AsCompletedTimeout<T> {
    type Item = Result<T, Unfinished>;

    fn next(&mut self) -> Option<Result<T, Unfinished>> {
        let next = self.all.next_until(self.until);
        if let Some(Err(_)) = next {
            self.all.left = 0;
        }
        next
    }
}

/// Some tasks had not ended in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// How many had not.
    pub unfinished: usize,
    /// Of how many.
    pub of: usize,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (of {}) tasks unfinished", self.unfinished, self.of)
    }
}

impl std::error::Error for Unfinished {}
