//! Waiting for several tasks at once: for any, for all, or for the first error.

use std::time::{Duration, Instant};

use manyhands_wait::{Reason, WaitError};

use crate::task::{AsTask, TaskHandle};
use crate::tasks_edge::Needs;
use crate::watch::Watch;

static ANY: Reason = Reason::new("any of several tasks");
static ALL: Reason = Reason::new("all of several tasks");
static ERROR: Reason = Reason::new("first error of several tasks");

/// What a wait for several tasks found. Each task is in one of the lists, once, in the order in
/// which it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited<T> {
    /// Those that have ended.
    pub done: Vec<T>,
    /// Those that have not.
    pub not_done: Vec<T>,
}

/// Waits until one of the tasks has ended; returns at once if one has, with all that have.
///
/// Like the other functions here it works from threads and coroutines, counts a task given twice
/// once, and returns at once for no tasks. The source is CPython's `concurrent.futures.wait`.
///
/// # Panics
/// With the report if it can never return, because the tasks wait for this very caller, or for others
/// who do: it has a [`Deadlock`](manyhands_wait::Deadlock) for a payload, and a task around this call
/// fails with that. So do the other functions here that have no limit.
#[doc(alias = "FIRST_COMPLETED")]
#[track_caller]
pub fn wait_any<T: AsTask>(tasks: impl IntoIterator<Item = T>) -> Waited<T> {
    wait_many(tasks, When::Any, None)
}

/// Like [`wait_any`], for at most `limit`.
#[track_caller]
pub fn wait_any_timeout<T: AsTask>(
    tasks: impl IntoIterator<Item = T>,
    limit: Duration,
) -> Waited<T> {
    wait_many(tasks, When::Any, Some(limit))
}

/// Waits until all tasks have ended.
///
/// ```
/// use manyhands_executor::{ExecutorExt, Sequential, wait_all};
///
/// let executor = Sequential::new();
/// let (a, b) = (executor.submit(|n: u32| n + 1, 1), executor.submit(|n: u32| n + 1, 2));
/// assert_eq!(wait_all([&a, &b, &a]).done.len(), 2);
/// ```
#[doc(alias = "ALL_COMPLETED")]
#[doc(alias = "joinall")]
#[track_caller]
pub fn wait_all<T: AsTask>(tasks: impl IntoIterator<Item = T>) -> Waited<T> {
    wait_many(tasks, When::All, None)
}

/// Like [`wait_all`], for at most `limit`.
#[track_caller]
pub fn wait_all_timeout<T: AsTask>(
    tasks: impl IntoIterator<Item = T>,
    limit: Duration,
) -> Waited<T> {
    wait_many(tasks, When::All, Some(limit))
}

/// Waits until one task has failed, or all have ended. A cancelled task has not failed.
#[doc(alias = "FIRST_EXCEPTION")]
#[track_caller]
pub fn wait_first_error<T: AsTask>(tasks: impl IntoIterator<Item = T>) -> Waited<T> {
    wait_many(tasks, When::FirstError, None)
}

/// Like [`wait_first_error`], for at most `limit`.
#[track_caller]
pub fn wait_first_error_timeout<T: AsTask>(
    tasks: impl IntoIterator<Item = T>,
    limit: Duration,
) -> Waited<T> {
    wait_many(tasks, When::FirstError, Some(limit))
}

#[derive(Clone, Copy)]
enum When {
    Any,
    All,
    FirstError,
}

impl When {
    fn reason(self) -> &'static Reason {
        match self {
            When::Any => &ANY,
            When::All => &ALL,
            When::FirstError => &ERROR,
        }
    }

    fn needs(self) -> Needs {
        match self {
            When::All => Needs::All,
            When::Any | When::FirstError => Needs::Any,
        }
    }

    /// Whether the wait is over after one more task, this one, has ended.
    fn is_over(self, handle: Option<&TaskHandle>, left: usize) -> bool {
        match self {
            _ if left == 0 => true,
            When::Any => true,
            When::All => false,
            When::FirstError => handle.is_some_and(TaskHandle::is_failed),
        }
    }
}

#[track_caller]
fn wait_many<T: AsTask>(
    tasks: impl IntoIterator<Item = T>,
    when: When,
    limit: Option<Duration>,
) -> Waited<T> {
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut watch = Watch::over(tasks);
    let mut left = watch.len();
    while left > 0 {
        let place = match watch.next(when.reason(), when.needs(), until) {
            Ok(place) => place,
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
            Err(_time_is_over) => break,
        };
        left -= 1;
        if when.is_over(watch.handle(place), left) {
            break;
        }
    }
    let mut waited = Waited { done: Vec::new(), not_done: Vec::new() };
    for (task, ended) in watch.take_all() {
        let list = if ended { &mut waited.done } else { &mut waited.not_done };
        list.push(task);
    }
    waited
}
