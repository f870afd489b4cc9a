//! The order in which one worker starts its jobs.

use std::sync::{Arc, Mutex};

use manyhands_executor::{ExecutorExt, InProcess, TaskOptions, wait_all};
use manyhands_threads::ThreadPool;

use crate::patience::Gate;

fn order_of(priorities: &[i32]) -> Vec<(i32, usize)> {
    let pool = ThreadPool::new(1).unwrap();
    let (begun, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let inside = (Arc::clone(&begun), Arc::clone(&gate));
    let first = pool.spawn(move || {
        inside.0.open();
        inside.1.pass();
    });
    begun.pass();
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = priorities
        .iter()
        .enumerate()
        .map(|(number, priority)| {
            let (order, priority) = (Arc::clone(&order), *priority);
            let options = TaskOptions::new().priority(priority);
            pool.with(options).spawn(move || order.lock().unwrap().push((priority, number)))
        })
        .collect();
    gate.open();
    first.result().unwrap();
    wait_all(tasks);
    let order = order.lock().unwrap();
    order.clone()
}

#[test]
fn higher_ones_come_first_and_equal_ones_in_their_order() {
    let priorities = [0, -1, 5, 0, 7, -1, 5, i32::MAX, i32::MIN, 0, 1];
    let mut expected: Vec<_> =
        priorities.iter().enumerate().map(|(number, priority)| (*priority, number)).collect();
    expected.sort_by_key(|(priority, number)| (std::cmp::Reverse(*priority), *number));
    assert_eq!(order_of(&priorities), expected);
}

#[test]
fn ordinary_ones_run_in_the_order_of_submission() {
    let numbers: Vec<_> = order_of(&[0; 500]).into_iter().map(|(_, number)| number).collect();
    assert!(numbers.is_sorted());
}

#[test]
fn an_urgent_job_overtakes_ordinary_ones_that_a_worker_has_taken_along() {
    // The worker takes ordinary jobs in batches; one that becomes urgent meanwhile comes before.
    let pool = Arc::new(ThreadPool::new(1).unwrap());
    let order = Arc::new(Mutex::new(Vec::new()));
    let (begun, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let inside = (Arc::clone(&begun), Arc::clone(&gate));
    let first = pool.spawn(move || {
        inside.0.open();
        inside.1.pass();
    });
    begun.pass();
    let mut tasks = Vec::new();
    for number in 0..50 {
        let (pool, order) = (Arc::clone(&pool), Arc::clone(&order));
        tasks.push(Arc::clone(&pool).spawn(move || {
            order.lock().unwrap().push(number);
            if number == 10 {
                let order = Arc::clone(&order);
                let urgent = TaskOptions::new().priority(1);
                drop(pool.with(urgent).spawn(move || order.lock().unwrap().push(1000)));
            }
        }));
    }
    gate.open();
    first.result().unwrap();
    wait_all(tasks);
    let order = order.lock().unwrap();
    assert_eq!(order.iter().position(|number| *number == 1000), Some(11), "{order:?}");
}

#[test]
fn nobody_starves_with_many_workers() {
    let pool = ThreadPool::new(3).unwrap();
    let tasks: Vec<_> = (0..600)
        .map(|n| pool.with(TaskOptions::new().priority(n % 5 - 2)).spawn(move || n))
        .collect();
    let sum: i32 = tasks.into_iter().map(|task| task.result().unwrap()).sum();
    assert_eq!(sum, 600 * 599 / 2);
}

#[test]
fn closures_and_futures_may_have_a_priority() {
    let pool = ThreadPool::new(1).unwrap();
    let urgent = || TaskOptions::new().priority(3).name("urgent");
    let task = pool.with(urgent()).spawn_async(async { 4 });
    assert_eq!(task.name(), Some("urgent"));
    assert_eq!(task.result().unwrap(), 4);
    assert_eq!(pool.spawn_async(async { 5 }).result().unwrap(), 5);
}
