//! How many tasks are in flight, in which order they start, and what is told of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use manyhands_async::AsyncPool;
use manyhands_executor::{Executor, ExecutorExt, InProcess, Shutdown, TaskOptions, wait_all};
use manyhands_wait::CancelToken;

use crate::patience::{Gate, eventually};

#[test]
fn no_more_are_in_flight_than_allowed() {
    let pool = AsyncPool::new(3).unwrap();
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            let enter = move || {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                inside
            };
            if n % 2 == 0 {
                return pool.spawn(move || {
                    let inside = enter();
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
            pool.spawn_async(async move {
                let inside = enter();
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    assert_eq!(wait_all(&tasks).done.len(), 200);
    assert!(most.load(Ordering::SeqCst) <= 3);
    let statistics = pool.statistics();
    assert!(statistics.in_flight_peak <= 3, "{statistics:?}");
    eventually("the last one has landed", || pool.statistics().finished == 200);
    assert_eq!((pool.statistics().in_flight, pool.statistics().queued), (0, 0));
}

#[test]
fn all_that_are_allowed_are_in_flight_at_a_time() {
    let pool = AsyncPool::new(50).unwrap();
    let gate = CancelToken::new();
    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let gate = gate.clone();
            pool.spawn_async(async move { gate.cancelled().await })
        })
        .collect();
    eventually("fifty run", || tasks.iter().filter(|task| task.is_running()).count() == 50);
    assert_eq!((pool.statistics().in_flight, pool.statistics().queued), (50, 10));
    gate.cancel();
    assert_eq!(wait_all(&tasks).done.len(), 60);
}

#[test]
fn they_start_by_priority_and_equal_ones_in_their_order() {
    let pool = AsyncPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let first = pool.spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    let order = Arc::new(Mutex::new(Vec::new()));
    let priorities = [0, -1, 5, 0, 7, -1, 5, i32::MAX, i32::MIN, 0];
    let tasks: Vec<_> = priorities
        .into_iter()
        .enumerate()
        .map(|(number, priority)| {
            let order = Arc::clone(&order);
            let note = move || order.lock().unwrap().push((priority, number));
            let with = pool.with(TaskOptions::new().priority(priority));
            if number % 2 == 0 { with.spawn(note) } else { with.spawn_async(async move { note() }) }
        })
        .collect();
    gate.open();
    first.result().unwrap();
    wait_all(tasks);
    let mut expected: Vec<_> =
        priorities.into_iter().enumerate().map(|(number, priority)| (priority, number)).collect();
    expected.sort_by_key(|(priority, number)| (std::cmp::Reverse(*priority), *number));
    assert_eq!(*order.lock().unwrap(), expected);
}

#[test]
fn cancelled_ones_take_no_place() {
    let pool = AsyncPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let first = pool.spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    let tasks: Vec<_> = (0..100).map(|n| pool.spawn(move || n)).collect();
    for task in &tasks[..99] {
        task.cancel();
    }
    gate.open();
    first.result().unwrap();
    assert_eq!(wait_all(&tasks).done.len(), 100);
    assert!(tasks[99].outcome().unwrap().is_ok());
    eventually("all have landed", || pool.statistics().finished == 101);
}

#[test]
fn all_that_end_are_counted() {
    let pool = AsyncPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let first = pool.spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    let queued: Vec<_> = (0..4).map(|n| pool.spawn(move || n)).collect();
    pool.shutdown(Shutdown { wait: false, cancel_queued: true });
    assert!(queued.iter().all(|task| task.is_cancelled()));
    assert!(pool.spawn(|| ()).result().unwrap_err().is_rejected());
    gate.open();
    pool.shutdown(Shutdown::WAIT);
    first.result().unwrap();
    let statistics = pool.statistics();
    assert_eq!((statistics.finished, statistics.in_flight, statistics.queued), (5, 0, 0));
}

#[test]
fn a_value_that_is_dropped_by_the_pool_may_come_back_to_it() {
    // A queued task that its waiter has run, and whose handle is gone: the last one to know its
    // value is the pool. The destructor of the value submits something.
    struct Comes(std::sync::Weak<AsyncPool>, Arc<AtomicUsize>);
    impl Drop for Comes {
        fn drop(&mut self) {
            if let Some(pool) = self.0.upgrade() {
                drop(pool.spawn(|| ()));
                self.1.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    let pool = Arc::new(AsyncPool::new(1).unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let task = pool.spawn({
        let (pool, came) = (Arc::clone(&pool), Arc::clone(&came));
        move || {
            let comes = Comes(Arc::downgrade(&pool), came);
            let inner = pool.spawn(move || comes);
            inner.wait();
        }
    });
    task.result().unwrap();
    eventually("the value is dropped", || came.load(Ordering::Relaxed) == 1);
}

#[test]
fn submitting_races_with_the_end() {
    for how in [Shutdown::WAIT, Shutdown::CANCEL_QUEUED] {
        for round in 0..100 {
            let pool = AsyncPool::new(1 + round % 3).unwrap();
            let tasks: Vec<_> = std::thread::scope(|scope| {
                let submitters: Vec<_> = (0..3)
                    .map(|_| {
                        scope.spawn(|| {
                            let spawn = |n| match n % 2 {
                                0 => pool.spawn(move || n),
                                _ => pool.spawn_async(async move { n }),
                            };
                            (0..20).map(spawn).collect::<Vec<_>>()
                        })
                    })
                    .collect();
                pool.shutdown(how);
                submitters.into_iter().flat_map(|one| one.join().unwrap()).collect()
            });
            for mut task in tasks {
                let outcome = task.result_timeout(crate::patience::LONG).expect("it is lost");
                if let Err(error) = outcome {
                    assert!(error.is_rejected() || error.is_cancelled(), "{error:?}");
                }
            }
        }
    }
}
