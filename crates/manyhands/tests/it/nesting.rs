//! Tasks that submit tasks to their own executor and wait for them: no pool is too small for that.

use std::sync::Arc;
use std::time::Duration;

use manyhands::{
    AnyExecutor, ExecutorExt, Group, InProcess, MapOptions, as_completed, scope, wait_all,
    wait_any, wait_first_error,
};

use crate::models::on_all;

/// Runs the test in a task of each executor.
fn inside_each(test: impl Fn(&Arc<AnyExecutor>) + Send + Sync + 'static) {
    let test = Arc::new(test);
    on_all(|executor| {
        let own: Arc<AnyExecutor> = Arc::new(executor.model().start().unwrap());
        let (test, inner) = (Arc::clone(&test), Arc::clone(&own));
        own.spawn(move || test(&inner)).result().unwrap();
    });
}

fn by_result(executor: &Arc<AnyExecutor>, depth: u32) -> u32 {
    if depth == 0 {
        return 0;
    }
    let inner = Arc::clone(executor);
    executor.spawn(move || by_result(&inner, depth - 1) + 1).result().unwrap()
}

#[test]
fn a_hundred_deep_by_result() {
    inside_each(|executor| assert_eq!(by_result(executor, 100), 100));
}

fn by_wait_all(executor: &Arc<AnyExecutor>, depth: u32) -> u32 {
    if depth == 0 {
        return 1;
    }
    let tasks: Vec<_> = (0..2)
        .map(|side| {
            let inner = Arc::clone(executor);
            // One side goes deep, the other one ends at once.
            executor.spawn(move || by_wait_all(&inner, if side == 0 { depth - 1 } else { 0 }))
        })
        .collect();
    wait_all(tasks).done.into_iter().map(|task| task.result().unwrap()).sum()
}

#[test]
fn a_hundred_deep_by_wait_all() {
    inside_each(|executor| assert_eq!(by_wait_all(executor, 100), 101));
}

fn by_as_completed(executor: &Arc<AnyExecutor>, depth: u32) -> u32 {
    if depth == 0 {
        return 1;
    }
    let tasks: Vec<_> = (0..2)
        .map(|side| {
            let inner = Arc::clone(executor);
            executor.spawn(move || by_as_completed(&inner, if side == 0 { depth - 1 } else { 0 }))
        })
        .collect();
    as_completed(tasks).map(|task| task.result().unwrap()).sum()
}

#[test]
fn a_hundred_deep_by_as_completed() {
    inside_each(|executor| assert_eq!(by_as_completed(executor, 100), 101));
}

#[test]
fn by_wait_any_and_wait_first_error() {
    inside_each(|executor| {
        let mut left: Vec<_> = (0..10).map(|n| executor.spawn(move || n)).collect();
        let mut sum = 0;
        while !left.is_empty() {
            let waited = wait_any(left);
            sum += waited.done.into_iter().map(|task| task.result().unwrap()).sum::<i32>();
            left = waited.not_done;
        }
        assert_eq!(sum, 45);
        let fine = (0..10).map(|n| executor.spawn(move || n));
        assert_eq!(wait_first_error(fine).done.len(), 10);
    });
}

#[test]
fn by_handles_and_polling_with_patience() {
    inside_each(|executor| {
        let task = executor.spawn(|| 3);
        task.handle().wait();
        assert_eq!(task.result().unwrap(), 3);
        // A wait with a limit does not run the task; asking again without one does.
        let mut task = executor.spawn(|| 4);
        let _in_time = task.wait_timeout(Duration::from_micros(1));
        task.wait();
        assert_eq!(task.result_timeout(Duration::ZERO).unwrap().unwrap(), 4);
    });
}

#[test]
fn by_map_in_a_map() {
    inside_each(|executor| {
        let inner = Arc::clone(executor);
        let row = move |n: u32| inner.map(|m: u32| m, 0..n).map(Result::unwrap).sum::<u32>();
        let rows = executor.map_closure(row, 0..20).map(Result::unwrap).sum::<u32>();
        assert_eq!(rows, (0..20).map(|n: u32| (0..n).sum::<u32>()).sum::<u32>());
        let unordered = MapOptions::new().unordered().chunk(2);
        assert_eq!(executor.map_with(unordered, |n: u32| n, 0..50).count(), 50);
        executor.for_each(drop::<u32>, 0..50).unwrap();
    });
}

fn by_group(executor: &Arc<AnyExecutor>, depth: u32) -> u32 {
    if depth == 0 {
        return 0;
    }
    let group = Group::new(executor);
    let inner = Arc::clone(executor);
    let task = group.spawn(move || by_group(&inner, depth - 1) + 1);
    let others: Vec<_> = (0..3).map(|n| group.spawn(move || n)).collect();
    group.wait().unwrap();
    assert!(others.iter().all(|other| other.is_done()));
    task.result().unwrap()
}

#[test]
fn by_group_thirty_deep() {
    inside_each(|executor| assert_eq!(by_group(executor, 30), 30));
}

fn by_scope(executor: &AnyExecutor, numbers: &mut [u64]) {
    if numbers.len() <= 2 {
        numbers.iter_mut().for_each(|number| *number += 1);
        return;
    }
    let (left, right) = numbers.split_at_mut(numbers.len() / 2);
    scope(executor, |scope| {
        scope.spawn(|| by_scope(executor, left));
        scope.spawn(|| by_scope(executor, right));
    })
    .unwrap();
}

#[test]
fn by_scope_over_borrowed_halves() {
    inside_each(|executor| {
        let mut numbers: Vec<u64> = (0..300).collect();
        by_scope(executor, &mut numbers);
        assert!(numbers.into_iter().eq(1..=300));
    });
}

#[test]
fn futures_inside_tasks_and_tasks_inside_futures() {
    inside_each(|executor| {
        let inner = Arc::clone(executor);
        let future = executor.spawn_async(async move { inner.model() });
        assert_eq!(future.result().unwrap(), executor.model());
    });
}
