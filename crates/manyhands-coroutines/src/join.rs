//! Waiting for several tasks, under gevent's names.

use manyhands_executor::{AsCompleted, AsTask, Outcome, Task, as_completed};

/// Waits for all the tasks and returns their outcomes, in the order in which the tasks were given.
///
/// The tasks may be of any executor, and of this thread: their results need not be `Send`. If the
/// wait is cut short, by a [`timeout`](crate::timeout) or a cancellation, the tasks go on. To learn
/// which have ended by then, or to stop at the first error, see
/// [`wait_all_timeout`](manyhands_executor::wait_all_timeout) and
/// [`wait_first_error`](manyhands_executor::wait_first_error).
///
/// ```
/// use std::rc::Rc;
/// use manyhands_coroutines::{join_all, spawn_local};
///
/// let tasks = (0..3).map(|n| spawn_local(move || Rc::new(n)));
/// let values: Vec<_> = join_all(tasks).into_iter().map(Result::unwrap).collect();
/// assert_eq!(values, [0, 1, 2].map(Rc::new));
/// ```
#[doc(alias = "gevent.joinall")]
#[track_caller]
pub fn join_all<R>(tasks: impl IntoIterator<Item = Task<R>>) -> Vec<Outcome<R>> {
    // All are there before the first is waited for: the iterator may be what spawns them.
    let tasks: Vec<Task<R>> = tasks.into_iter().collect();
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        outcomes.push(task.result());
    }
    outcomes
}

/// Yields the tasks as they end: [`as_completed`] under gevent's name.
///
/// ```
/// use std::time::Duration;
/// use manyhands_coroutines::{iwait, spawn_later};
///
/// let tasks = [200, 1].map(|n| spawn_later(Duration::from_millis(n), move || n));
/// let in_order: Vec<_> = iwait(tasks).map(|task| task.result().unwrap()).collect();
/// assert_eq!(in_order, [1, 200]);
/// ```
#[doc(alias = "gevent.iwait")]
pub fn iwait<T: AsTask>(tasks: impl IntoIterator<Item = T>) -> AsCompleted<T> {
    as_completed(tasks)
}
