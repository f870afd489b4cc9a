//! How many threads a pool has: after CPython's `test_concurrent_futures/test_thread_pool.py` and
//! `executor.py`. The rest of this group is tested on all executors alike, in the facade crate.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_executor::{ExecutorExt, wait_all};
use manyhands_threads::{ThreadPool, default_workers};

use crate::patience::{Gate, eventually};

#[test]
fn item_32_a_pool_of_no_workers_is_an_error() {
    let error = ThreadPool::new(0).unwrap_err();
    assert!(error.to_string().contains("at least 1 worker"), "{error}");
    let error = ThreadPool::builder().queue_bound(0).build().unwrap_err();
    assert!(error.to_string().contains("at least 1 job"), "{error}");
}

#[test]
fn item_33_the_default_size_follows_the_cores() {
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(default_workers(), (cores + 4).min(32));
    let pool = ThreadPool::builder().build().unwrap();
    assert_eq!(pool.statistics().workers_max, default_workers());
    assert_eq!(pool.statistics().workers, 0, "threads are started when they are needed");
}

#[test]
fn item_34_there_are_never_more_threads_than_allowed() {
    let pool = ThreadPool::new(3).unwrap();
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..300)
        .map(|_| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            pool.spawn(move || {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                std::thread::current().id()
            })
        })
        .collect();
    let threads: HashSet<_> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
    assert!(threads.len() <= 3, "{} threads", threads.len());
    assert!(most.load(Ordering::SeqCst) <= 3);
    assert!(pool.statistics().workers_peak <= 3);
}

#[test]
fn all_workers_work_at_a_time_if_there_is_work() {
    let pool = ThreadPool::new(4).unwrap();
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            pool.spawn(move || barrier.wait().is_leader())
        })
        .collect();
    assert_eq!(wait_all(&tasks).done.len(), 4);
    assert_eq!(pool.statistics().started, 4);
}

#[test]
fn item_35_an_idle_worker_is_used_before_another_is_started() {
    let pool = ThreadPool::new(8).unwrap();
    for n in 0..3 {
        assert_eq!(pool.spawn(move || n).result().unwrap(), n);
    }
    assert_eq!(pool.statistics().started, 1);
    assert_eq!(pool.submit(|n: u8| n, 1).result().unwrap(), 1);
    assert_eq!(pool.statistics().started, 1);
}

#[test]
fn item_35_busy_workers_are_joined_by_another() {
    let pool = ThreadPool::new(8).unwrap();
    let gate = Arc::new(Gate::default());
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let gate = Arc::clone(&gate);
            pool.spawn(move || gate.pass())
        })
        .collect();
    assert_eq!(pool.statistics().started, 5);
    gate.open();
    assert_eq!(wait_all(&tasks).done.len(), 5);
    pool.spawn(|| ()).result().unwrap();
    assert_eq!(pool.statistics().started, 5);
}

#[test]
fn statistics_add_up_when_the_pool_is_quiet() {
    let pool = ThreadPool::new(2).unwrap();
    let gate = Arc::new(Gate::default());
    let begun = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            pool.spawn(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                gate.pass();
            })
        })
        .collect();
    eventually("two run", || begun.load(Ordering::SeqCst) == 2);
    let busy = pool.statistics();
    assert_eq!((busy.workers_max, busy.workers, busy.running, busy.queued), (2, 2, 2, 3));
    assert_eq!((busy.finished, busy.blocked), (0, 0));
    gate.open();
    assert_eq!(wait_all(&tasks).done.len(), 5);
    let quiet = pool.statistics();
    assert_eq!((quiet.running, quiet.queued, quiet.finished, quiet.workers), (0, 0, 5, 2));
    eventually("both are idle", || pool.statistics().idle == 2);
    assert!(format!("{pool:?}").contains("finished: 5"), "{pool:?}");
}
