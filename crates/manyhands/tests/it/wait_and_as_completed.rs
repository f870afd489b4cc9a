//! Waiting for several tasks, after CPython's `test_concurrent_futures/test_as_completed.py` and
//! `test_wait.py`.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use manyhands::{
    AnyExecutor, InProcess, Task, Unfinished, as_completed, as_completed_timeout, wait_all,
    wait_all_timeout, wait_any, wait_any_timeout, wait_first_error, wait_first_error_timeout,
};

use crate::models::{Busy, on_all, on_concurrent, on_queued, on_single};
use crate::patience::{LONG, eventually};

const BRIEF: Duration = Duration::from_millis(5);

fn done(executor: &AnyExecutor) -> Task<&'static str> {
    let task = executor.spawn(|| "done");
    task.wait();
    task
}

fn failed(executor: &AnyExecutor) -> Task<&'static str> {
    let task = executor.spawn(|| -> &'static str { std::panic::resume_unwind(Box::new("failed")) });
    task.wait();
    task
}

/// A queued task, cancelled. The executor is busy.
fn cancelled(executor: &AnyExecutor) -> Task<&'static str> {
    let task = executor.spawn(|| "never");
    task.cancel();
    task
}

fn ids<'a, R: 'static>(tasks: impl IntoIterator<Item = &'a Task<R>>) -> Vec<u64> {
    tasks.into_iter().map(Task::id).collect()
}

#[test]
fn item_38_what_has_ended_comes_first() {
    on_concurrent(|executor| {
        let (one, two) = (Busy::on(executor), Busy::on(executor));
        let ended = done(executor);
        let mut order = as_completed([&one.task, &two.task, &ended]);
        assert_eq!(order.next().unwrap().id(), ended.id());
        two.end();
        assert_eq!(order.next().unwrap().id(), two.task.id());
        one.end();
        assert_eq!(order.next().unwrap().id(), one.task.id());
        assert!(order.next().is_none());
    });
}

#[test]
fn item_39_a_limit_of_zero_yields_what_has_ended() {
    on_concurrent(|executor| {
        let busy = Busy::on(executor);
        let (first, second) = (done(executor), failed(executor));
        let tasks = [&first, &busy.task, &second];
        let (ended, late): (Vec<_>, Vec<_>) =
            as_completed_timeout(tasks, Duration::ZERO).partition(Result::is_ok);
        let ended: HashSet<_> = ended.into_iter().map(|task| task.unwrap().id()).collect();
        assert_eq!(ended, HashSet::from([first.id(), second.id()]));
        assert_eq!(late.len(), 1);
        busy.end();
    });
}

#[test]
fn item_40_a_task_given_twice_is_yielded_once() {
    on_all(|executor| {
        let task = executor.spawn(|| 1);
        assert_eq!(as_completed([&task, &task, &task]).count(), 1);
        let handles = std::iter::repeat_n(task.handle(), 5);
        assert_eq!(as_completed(handles).count(), 1);
        assert_eq!(as_completed_timeout([&task, &task], LONG).count(), 1);
    });
}

#[test]
fn item_41_a_yielded_task_is_released() {
    on_all(|executor| {
        let (tasks, values): (Vec<_>, Vec<Weak<u32>>) = (0..3)
            .map(|n| {
                let value = Arc::new(n);
                let weak = Arc::downgrade(&value);
                (executor.spawn(move || value), weak)
            })
            .unzip();
        let mut ended = as_completed(tasks);
        for left in (0..3).rev() {
            drop(ended.next().unwrap());
            eventually("its value is gone", || {
                values.iter().filter(|value| value.strong_count() > 0).count() == left
            });
        }
    });
}

#[test]
fn item_42_who_is_late_is_counted() {
    on_concurrent(|executor| {
        let (one, two) = (Busy::on(executor), Busy::on(executor));
        let ended = [done(executor), done(executor)];
        let tasks = [&one.task, &ended[0], &two.task, &ended[1]];
        let mut iterator = as_completed_timeout(tasks, BRIEF);
        assert!(iterator.next().unwrap().is_ok());
        assert!(iterator.next().unwrap().is_ok());
        let unfinished = iterator.next().unwrap().unwrap_err();
        assert_eq!(unfinished, Unfinished { unfinished: 2, of: 4 });
        assert_eq!(unfinished.to_string(), "2 (of 4) tasks unfinished");
        assert!(iterator.next().is_none());
        assert_eq!(ids(iterator.into_unfinished()), ids([&one.task, &two.task]));
        one.end();
        two.end();
    });
}

#[test]
fn item_43_waiting_counts_a_task_given_twice_once() {
    on_all(|executor| {
        let task = executor.spawn(|| 1);
        assert_eq!(wait_all([&task, &task]).done.len(), 1);
        assert_eq!(wait_any([&task, &task]).done.len(), 1);
        assert_eq!(wait_first_error([&task, &task]).done.len(), 1);
    });
}

#[test]
fn item_44_the_first_to_end() {
    on_concurrent(|executor| {
        let (one, two) = (Busy::on(executor), Busy::on(executor));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let waited = wait_any([&one.task, &two.task]);
                (ids(waited.done), ids(waited.not_done))
            });
            one.end();
            assert_eq!(waiter.join().unwrap(), (ids([&one.task]), ids([&two.task])));
        });
        two.end();
    });
}

#[test]
fn item_45_with_some_ended_already_all_of_those_are_told() {
    on_single(|executor| {
        let (first, second) = (done(executor), failed(executor));
        let busy = Busy::on(executor);
        let third = cancelled(executor);
        let tasks = [&first, &busy.task, &second, &third];
        let waited = wait_any(tasks);
        assert_eq!(ids(waited.done), ids([&first, &second, &third]));
        assert_eq!(ids(waited.not_done), ids([&busy.task]));
        busy.end();
    });
}

#[test]
fn item_46_the_first_to_fail() {
    on_concurrent(|executor| {
        let (one, two) = (Busy::on(executor), Busy::on(executor));
        let failing =
            executor.spawn(|| -> &'static str { std::panic::resume_unwind(Box::new("failed")) });
        let waited = wait_first_error([&one.task, &failing, &two.task]);
        assert_eq!(ids(waited.done), ids([&failing]));
        assert_eq!(ids(waited.not_done), ids([&one.task, &two.task]));
        one.end();
        two.end();
    });
}

#[test]
fn item_47_a_cancelled_one_has_not_failed() {
    on_single(|executor| {
        let ended = done(executor);
        let busy = Busy::on(executor);
        let cancelled = cancelled(executor);
        let tasks = [&ended, &cancelled, &busy.task];
        let waited = wait_first_error_timeout(tasks, BRIEF);
        assert_eq!(ids(waited.done), ids([&ended, &cancelled]));
        assert_eq!(ids(waited.not_done), ids([&busy.task]));
        busy.end();
        assert_eq!(wait_first_error(tasks).done.len(), 3, "over when all have ended");
    });
}

#[test]
fn item_48_one_that_has_failed_already_is_told_at_once() {
    on_single(|executor| {
        let failed = failed(executor);
        let busy = Busy::on(executor);
        let waited = wait_first_error([&busy.task, &failed]);
        assert_eq!(ids(waited.done), ids([&failed]));
        busy.end();
    });
}

#[test]
fn item_49_all_of_them() {
    on_all(|executor| {
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                executor.spawn(move || {
                    if n % 3 == 0 {
                        std::panic::resume_unwind(Box::new(n))
                    }
                })
            })
            .collect();
        let waited = wait_all(&tasks);
        assert_eq!(ids(waited.done.iter().copied()), ids(&tasks), "in the order they were given");
        assert!(waited.not_done.is_empty());
        assert!(tasks.iter().all(Task::is_done));
    });
}

#[test]
fn item_50_a_limit_splits_them() {
    on_concurrent(|executor| {
        let busy = Busy::on(executor);
        let ended = done(executor);
        let tasks = [&busy.task, &ended];
        let waited = wait_all_timeout(tasks, BRIEF);
        assert_eq!((ids(waited.done), ids(waited.not_done)), (ids([&ended]), ids([&busy.task])));
        let waited = wait_any_timeout([&busy.task], Duration::ZERO);
        assert_eq!((waited.done.len(), waited.not_done.len()), (0, 1));
        busy.end();
    });
}

#[test]
fn item_51_a_hundred_tasks_that_end_while_they_are_waited_for() {
    on_queued(|executor| {
        for round in 0..20 {
            let tasks: Vec<_> = (0..100).map(|n| executor.spawn(move || n)).collect();
            match round % 4 {
                0 => assert_eq!(wait_all(&tasks).done.len(), 100),
                1 => assert_eq!(as_completed(&tasks).count(), 100),
                2 => {
                    let mut left: Vec<_> = tasks.iter().collect();
                    while !left.is_empty() {
                        let waited = wait_any(left);
                        assert!(!waited.done.is_empty());
                        left = waited.not_done;
                    }
                }
                _ => assert_eq!(wait_first_error(&tasks).done.len(), 100),
            }
            assert!(tasks.into_iter().map(|task| task.result().unwrap()).eq(0..100));
        }
    });
}

#[test]
fn several_may_wait_for_the_same_tasks() {
    on_queued(|executor| {
        let tasks: Vec<_> = (0..50).map(|n| executor.spawn(move || n)).collect();
        let seen = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for way in 0..6 {
                let (tasks, seen) = (&tasks, &seen);
                scope.spawn(move || {
                    let count = match way % 3 {
                        0 => wait_all(tasks).done.len(),
                        1 => as_completed(tasks).count(),
                        _ => tasks.iter().map(Task::wait).count(),
                    };
                    seen.fetch_add(count, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(seen.load(Ordering::Relaxed), 300);
    });
}

#[test]
fn tasks_of_all_executors_mix() {
    let executors: Vec<AnyExecutor> =
        ["sequential", "threads:1", "threads:4", "coroutines", "async:1", "async"]
            .into_iter()
            .map(|name| name.parse().unwrap())
            .collect();
    let mut tasks: Vec<Task<usize>> =
        executors.iter().enumerate().map(|(n, executor)| executor.spawn(move || n)).collect();
    tasks.push(manyhands::spawn_async(async { 6 }));
    tasks.push(manyhands::Thread::spawn(|| 7).into_task());
    assert_eq!(as_completed(tasks).map(|task| task.result().unwrap()).sum::<usize>(), 28);
}

#[test]
fn nothing_to_wait_for() {
    let none = || Vec::<Task<u8>>::new();
    assert_eq!(wait_all(none()).done.len(), 0);
    assert_eq!(wait_any(none()).done.len(), 0);
    assert_eq!(wait_first_error(none()).done.len(), 0);
    assert_eq!(as_completed(none()).count(), 0);
    assert_eq!(as_completed_timeout(none(), Duration::ZERO).count(), 0);
}
