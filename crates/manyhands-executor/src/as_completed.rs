//! Tasks in the order in which they end.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use manyhands_wait::{Leaf, Reason, WaitError};

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
    ///
    /// If none of the tasks that are left can ever end it panics like `next`; that is found in async
    /// tasks of this library, and others that are [tracked](manyhands_wait::tracked()).
    #[track_caller]
    pub fn next_async(&mut self) -> impl Future<Output = Option<T>> {
        NextToEnd { all: self, leaf: Leaf::new(), waits: false, at: Location::caller() }
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

/// The future of [`AsCompleted::next_async`].
struct NextToEnd<'a, T: AsTask> {
    all: &'a mut AsCompleted<T>,
    /// As the async task that polls this knows the wait.
    leaf: Leaf,
    /// Whether its waker is with the tasks.
    waits: bool,
    at: &'static Location<'static>,
}

impl<T: AsTask> Future for NextToEnd<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        if this.all.left == 0 {
            return Poll::Ready(None);
        }
        this.waits = true;
        let polled = this.all.watch.poll_next(cx, &mut this.leaf, &NEXT_TO_END, this.at);
        match ready!(polled) {
            Ok(place) => {
                this.leaf.done();
                this.waits = false;
                Poll::Ready(this.all.take(place))
            }
            Err(deadlock) => deadlock.raise(),
        }
    }
}

impl<T: AsTask> Drop for NextToEnd<'_, T> {
    fn drop(&mut self) {
        if self.waits {
            self.all.watch.forget_reader();
        }
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
