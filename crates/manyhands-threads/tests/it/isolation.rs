//! What one job does wrong hits that job, and neither its worker nor the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_executor::{Executor, Shutdown, wait_all};
use manyhands_threads::ThreadPool;

use crate::patience::{Gate, eventually};

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("a bomb went off"));
    }
}

#[test]
fn a_panic_costs_neither_the_worker_nor_the_other_jobs() {
    let pool = ThreadPool::new(2).unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            pool.spawn(move || if n % 2 == 0 { n } else { std::panic::resume_unwind(Box::new(n)) })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        match task.result() {
            Ok(value) => assert_eq!((value, n % 2), (n, 0)),
            Err(error) => {
                assert_eq!(n % 2, 1);
                let payload = std::panic::catch_unwind(|| error.resume()).unwrap_err();
                assert_eq!(payload.downcast_ref(), Some(&n));
            }
        }
    }
    assert_eq!(pool.statistics().started, 2);
}

#[test]
fn a_destructor_of_a_closure_that_panics_fails_its_task() {
    let pool = ThreadPool::new(1).unwrap();
    let bomb = Bomb;
    let task = pool.spawn(move || {
        let _bomb = bomb;
    });
    assert_eq!(task.result().unwrap_err().message(), "a bomb went off");
    assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
}

#[test]
fn a_closure_that_is_dropped_unrun_may_panic() {
    let pool = ThreadPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let begun = Arc::new(Gate::default());
    let inside = (Arc::clone(&begun), Arc::clone(&gate));
    drop(pool.spawn(move || {
        inside.0.open();
        inside.1.pass();
    }));
    begun.pass();
    let bombs: Vec<_> = (0..3)
        .map(|_| {
            let bomb = Bomb;
            pool.spawn(move || drop(bomb))
        })
        .collect();
    bombs[0].cancel();
    assert!(bombs[0].is_cancelled());
    pool.shutdown(Shutdown { wait: false, cancel_queued: true });
    assert!(bombs.iter().all(|task| task.is_cancelled()));
    gate.open();
    pool.shutdown(Shutdown::WAIT);
}

#[test]
fn a_value_that_nobody_wants_may_panic_when_it_is_dropped() {
    // The worker drops it, as the last one who knows it, and may die of it; the pool goes on.
    let pool = ThreadPool::new(2).unwrap();
    let gate = Arc::new(Gate::default());
    for _ in 0..10 {
        let gate = Arc::clone(&gate);
        drop(pool.spawn(move || {
            gate.pass();
            Bomb
        }));
    }
    gate.open();
    let tasks: Vec<_> = (0..50).map(|n| pool.spawn(move || n)).collect();
    assert_eq!(tasks.into_iter().map(|task| task.result().unwrap()).sum::<i32>(), 1225);
    pool.shutdown(Shutdown::WAIT);
    let statistics = pool.statistics();
    assert_eq!((statistics.finished, statistics.running, statistics.workers), (60, 0, 0));
    assert!(statistics.workers_peak <= 2);
}

#[test]
fn a_callback_that_panics_costs_nothing_else() {
    let pool = ThreadPool::new(1).unwrap();
    let called = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let task = pool.spawn(move || n);
            let called = Arc::clone(&called);
            task.on_done(|_| std::panic::resume_unwind(Box::new("in a callback")));
            task.on_done(move |_| {
                called.fetch_add(1, Ordering::Relaxed);
            });
            task
        })
        .collect();
    wait_all(&tasks);
    assert_eq!(called.load(Ordering::Relaxed), 20);
    assert_eq!(pool.statistics().started, 1);
}

#[test]
fn a_waiter_never_runs_an_unrelated_job() {
    // The first job holds a lock while it waits for the second; the third needs that lock. Who
    // runs any job at hand while waiting runs the third on top of the first, and hangs.
    let pool = Arc::new(ThreadPool::new(1).unwrap());
    let lock = Arc::new(std::sync::Mutex::new(0));
    let (held, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let first = pool.spawn({
        let (pool, lock) = (Arc::clone(&pool), Arc::clone(&lock));
        let (held, go) = (Arc::clone(&held), Arc::clone(&go));
        move || {
            let mut guard = lock.lock().unwrap();
            held.open();
            go.pass();
            *guard += pool.spawn(|| 10).result().unwrap();
            let tasks = [pool.spawn(|| 100), pool.spawn(|| 100)];
            *guard += wait_all(tasks).done.into_iter().map(|t| t.result().unwrap()).sum::<i32>();
        }
    });
    held.pass();
    let third: Vec<_> = (0..5)
        .map(|_| {
            let lock = Arc::clone(&lock);
            pool.spawn(move || *lock.lock().unwrap() += 1)
        })
        .collect();
    go.open();
    first.result().unwrap();
    wait_all(third);
    assert_eq!(*lock.lock().unwrap(), 215);
}

#[test]
fn a_job_may_drop_its_own_pool() {
    let pool = Arc::new(ThreadPool::new(2).unwrap());
    let (gate, ended) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let task = pool.spawn({
        let (pool, gate, ended) = (Arc::clone(&pool), Arc::clone(&gate), Arc::clone(&ended));
        move || {
            gate.pass();
            drop(pool);
            ended.open();
        }
    });
    let other = pool.spawn(|| 3);
    drop(pool);
    gate.open();
    task.result().unwrap();
    ended.pass();
    assert_eq!(other.result().unwrap(), 3);
}

#[test]
fn a_job_may_end_its_own_pool() {
    let pool = Arc::new(ThreadPool::new(1).unwrap());
    let task = pool.spawn({
        let pool = Arc::clone(&pool);
        move || {
            pool.shutdown(Shutdown::WAIT);
            pool.spawn(|| ()).result().unwrap_err().is_rejected()
        }
    });
    assert!(task.result().unwrap(), "it does not wait for itself, and nothing more is taken");
    pool.shutdown(Shutdown::WAIT);
    eventually("its worker is gone", || pool.statistics().workers == 0);
}
