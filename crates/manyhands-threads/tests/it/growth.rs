//! Jobs that declare that they block: another thread works in their place, and leaves afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_executor::wait_all;
use manyhands_threads::{ThreadPool, blocking};

use crate::patience::{Gate, eventually};

#[test]
fn a_job_that_blocks_lets_another_thread_work() {
    // The only worker blocks until the second job has run.
    let pool = ThreadPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let blocked = pool.spawn({
        let gate = Arc::clone(&gate);
        move || blocking(|| gate.pass())
    });
    let opener = pool.spawn(move || gate.open());
    opener.result().unwrap();
    blocked.result().unwrap();
}

#[test]
fn jobs_that_were_queued_before_it_blocks_run_too() {
    let pool = ThreadPool::new(1).unwrap();
    let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let gate = Arc::new(Gate::default());
    let blocked = pool.spawn({
        let (begun, go, gate) = (Arc::clone(&begun), Arc::clone(&go), Arc::clone(&gate));
        move || {
            begun.open();
            go.pass();
            blocking(|| gate.pass());
        }
    });
    begun.pass();
    let opener = pool.spawn(move || gate.open());
    go.open();
    opener.result().unwrap();
    blocked.result().unwrap();
}

#[test]
fn many_may_block_at_a_time() {
    const BLOCKED: usize = 20;
    let pool = ThreadPool::new(2).unwrap();
    let gate = Arc::new(Gate::default());
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..BLOCKED)
        .map(|_| {
            let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
            pool.spawn(move || {
                blocking(|| {
                    inside.fetch_add(1, Ordering::SeqCst);
                    gate.pass();
                });
            })
        })
        .collect();
    eventually("all of them block", || inside.load(Ordering::SeqCst) == BLOCKED);
    assert_eq!(pool.statistics().blocked, BLOCKED);
    let statistics = pool.statistics();
    assert!((BLOCKED..=BLOCKED + 2).contains(&statistics.workers), "{statistics:?}");
    gate.open();
    assert_eq!(wait_all(tasks).done.len(), BLOCKED);
    assert_eq!(pool.statistics().blocked, 0);
}

#[test]
fn surplus_threads_leave() {
    let pool = ThreadPool::new(2).unwrap();
    for _ in 0..5 {
        let gate = Arc::new(Gate::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
                pool.spawn(move || {
                    blocking(|| {
                        inside.fetch_add(1, Ordering::SeqCst);
                        gate.pass();
                    });
                })
            })
            .collect();
        eventually("all of them block", || inside.load(Ordering::SeqCst) == 6);
        gate.open();
        wait_all(tasks);
        eventually("the surplus is gone", || pool.statistics().workers <= 2);
    }
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let pair: Vec<_> = (0..2)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            pool.spawn(move || barrier.wait().is_leader())
        })
        .collect();
    assert_eq!(wait_all(pair).done.len(), 2, "two still work at a time");
}

#[test]
fn leaving_races_with_new_work() {
    // A worker that retires hands on the jobs it has taken along; none is lost.
    let pool = ThreadPool::new(1).unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for round in 0..400 {
        let done = Arc::clone(&done);
        tasks.push(pool.spawn(move || {
            if round % 3 == 0 {
                blocking(std::thread::yield_now);
            }
            done.fetch_add(1, Ordering::Relaxed);
        }));
    }
    assert_eq!(wait_all(tasks).done.len(), 400);
    assert_eq!(done.load(Ordering::Relaxed), 400);
    eventually("one is left", || pool.statistics().workers == 1);
    assert_eq!(pool.statistics().finished, 400);
}

#[test]
fn blocking_ends_with_an_unwinding_too() {
    let pool = ThreadPool::new(1).unwrap();
    let task = pool.spawn(|| blocking(|| std::panic::resume_unwind(Box::new("fuse"))));
    let error: Result<(), _> = task.result();
    assert_eq!(error.unwrap_err().message(), "fuse");
    assert_eq!(pool.statistics().blocked, 0);
}

#[test]
fn blocking_nests_and_is_harmless_elsewhere() {
    assert_eq!(blocking(|| blocking(|| 4)), 4);
    let pool = ThreadPool::new(1).unwrap();
    let task = pool.spawn(|| blocking(|| blocking(|| 5)));
    assert_eq!(task.result().unwrap(), 5);
    assert_eq!(pool.statistics().blocked, 0);
}
