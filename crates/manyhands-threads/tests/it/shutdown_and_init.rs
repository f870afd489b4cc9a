//! The end of a pool, and the initializer of its workers: after CPython's
//! `test_concurrent_futures/test_shutdown.py` and `test_init.py`. What concerns the end of the
//! process is in `tests/ending.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_executor::{Executor, ExecutorExt, RejectedReason, Shutdown, Task, wait_all};
use manyhands_threads::ThreadPool;

use crate::patience::{Gate, eventually};

/// Whether a thread of this process has a name with this beginning. The operating system keeps 15
/// bytes of a name.
fn is_thread_named(prefix: &str) -> bool {
    assert!(prefix.len() <= 15);
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.flatten().any(|task| {
        // A thread that has just ended has no name.
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        name.starts_with(prefix)
    })
}

fn named(workers: usize, prefix: &str) -> ThreadPool {
    ThreadPool::builder().workers(workers).name_prefix(prefix).build().unwrap()
}

/// Fifty tasks, of which the first ones wait for the gate.
fn fifty(pool: &ThreadPool, gate: &Arc<Gate>) -> Vec<Task<usize>> {
    (0..50)
        .map(|n| {
            let gate = Arc::clone(gate);
            pool.spawn(move || {
                gate.pass();
                n
            })
        })
        .collect()
}

#[test]
fn item_52_a_closed_pool_takes_nothing() {
    let pool = ThreadPool::new(1).unwrap();
    pool.shutdown(Shutdown::WAIT);
    assert!(pool.submit(|n: u8| n, 1).result().unwrap_err().is_rejected());
    let rejected = pool.try_submit(|n: u8| n, 1).unwrap_err();
    assert_eq!(rejected.reason(), &RejectedReason::ShutDown);
    let mapped: Vec<_> = pool.map(|n: u8| n, 0..3).collect();
    assert_eq!(mapped.len(), 3);
    assert!(mapped.iter().all(|one| one.as_ref().unwrap_err().is_rejected()));
    pool.shutdown(Shutdown::CANCEL_QUEUED);
    pool.shutdown(Shutdown::WAIT);
}

#[test]
fn item_55_what_was_submitted_is_finished() {
    let pool = ThreadPool::new(2).unwrap();
    let gate = Arc::new(Gate::default());
    let tasks = fifty(&pool, &gate);
    pool.shutdown(Shutdown::DETACH);
    assert!(pool.spawn(|| ()).result().unwrap_err().is_rejected());
    gate.open();
    pool.shutdown(Shutdown::WAIT);
    let values: Vec<_> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
    assert_eq!(values, (0..50).collect::<Vec<_>>());
}

#[test]
fn item_56_what_is_queued_is_cancelled_and_what_runs_is_finished() {
    let pool = ThreadPool::new(2).unwrap();
    let gate = Arc::new(Gate::default());
    let tasks = fifty(&pool, &gate);
    eventually("two run", || tasks.iter().filter(|task| task.is_running()).count() == 2);
    std::thread::scope(|scope| {
        scope.spawn(|| pool.shutdown(Shutdown::CANCEL_QUEUED));
        eventually("the queued ones are cancelled", || {
            tasks.iter().filter(|task| task.is_cancelled()).count() == 48
        });
        gate.open();
    });
    let (done, cancelled): (Vec<_>, Vec<_>) =
        tasks.into_iter().map(Task::result).partition(Result::is_ok);
    assert_eq!((done.len(), cancelled.len()), (2, 48));
    assert!(cancelled.iter().all(|one| one.as_ref().unwrap_err().is_cancelled()));
}

#[test]
fn items_59_to_62_threads_end_with_the_pool() {
    // With waiting they are gone afterwards; without, they go when the work is done.
    let pool = named(3, "wait_");
    wait_all((0..3).map(|_| pool.spawn(|| ())));
    pool.shutdown(Shutdown::WAIT);
    eventually("they are gone", || !is_thread_named("wait_"));
    assert_eq!(pool.statistics().workers, 0);

    let pool = named(3, "detach_");
    let gate = Arc::new(Gate::default());
    let tasks = fifty(&pool, &gate);
    pool.shutdown(Shutdown::DETACH);
    eventually("they are there", || is_thread_named("detach_"));
    gate.open();
    eventually("they are gone", || !is_thread_named("detach_"));
    assert!(tasks.into_iter().all(|task| task.result().is_ok()));

    {
        let pool = named(3, "scope_");
        let _detached = pool.spawn(|| ());
    }
    eventually("they are gone", || !is_thread_named("scope_"));

    let pool = named(3, "dropped_");
    let tasks = fifty(&pool, &gate);
    drop(pool);
    assert!(tasks.iter().all(Task::is_done), "dropping waits");
    eventually("they are gone", || !is_thread_named("dropped_"));
}

#[test]
fn a_pool_without_threads_ends_at_once() {
    for how in [Shutdown::WAIT, Shutdown::DETACH, Shutdown::CANCEL_QUEUED] {
        let pool = ThreadPool::new(3).unwrap();
        pool.shutdown(how);
        assert_eq!(pool.statistics().started, 0);
    }
}

#[test]
fn item_63_workers_are_named_and_numbered() {
    let pool = named(3, "kitchen");
    let barrier = Arc::new(std::sync::Barrier::new(3));
    let names = |pool: &ThreadPool| {
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                pool.spawn(move || {
                    barrier.wait();
                    std::thread::current().name().unwrap().to_owned()
                })
            })
            .collect();
        let mut names: Vec<_> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&pool), ["kitchen_0", "kitchen_1", "kitchen_2"]);
    let unnamed = ThreadPool::new(3).unwrap();
    let prefix = names(&unnamed)[0].trim_end_matches("_0").to_owned();
    assert!(prefix.starts_with("ThreadPool-"), "{prefix}");
    assert_eq!(names(&unnamed)[2], format!("{prefix}_2"));
    // A name with a NUL byte cannot be given to the operating system whole.
    let odd = named(1, "a\0b");
    assert_eq!(odd.spawn(|| std::thread::current().name().map(str::to_owned)).result().unwrap(), {
        Some("ab_0".to_owned())
    });
}

#[test]
fn item_64_cancelling_without_waiting_returns_at_once() {
    let pool = ThreadPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let tasks = fifty(&pool, &gate);
    eventually("one runs", || tasks[0].is_running());
    pool.shutdown(Shutdown { wait: false, cancel_queued: true });
    assert_eq!(tasks.iter().filter(|task| task.is_cancelled()).count(), 49);
    assert!(tasks[0].is_running());
    gate.open();
    pool.shutdown(Shutdown::WAIT);
    assert_eq!(tasks.into_iter().map(Task::result).filter(Result::is_ok).count(), 1);
}

#[test]
fn item_65_the_initializer_runs_once_in_each_worker_before_its_first_job() {
    thread_local! {
        static PREPARED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let pool = ThreadPool::builder()
        .workers(4)
        .initializer({
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(1, Ordering::SeqCst);
                PREPARED.set(PREPARED.get() + 1);
                Ok::<_, String>(())
            }
        })
        .build()
        .unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let barrier = Arc::new(std::sync::Barrier::new(4));
    for _ in 0..3 {
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                pool.spawn(move || {
                    barrier.wait();
                    PREPARED.get()
                })
            })
            .collect();
        assert!(tasks.into_iter().all(|task| task.result().unwrap() == 1));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

fn assert_broken_for(pool: &ThreadPool, tasks: Vec<Task<usize>>, why: &str) {
    for task in tasks {
        let error = task.result().unwrap_err();
        assert!(error.is_rejected(), "{error:?}");
        assert!(error.message().contains(why), "{error}");
    }
    let error = pool.submit(|n: u8| n, 1).result().unwrap_err();
    assert!(error.is_rejected() && error.message().contains(why), "{error:?}");
    let rejected = pool.try_spawn_unit().unwrap_err();
    assert!(matches!(&rejected, RejectedReason::Broken(text) if text.contains(why)));
    pool.shutdown(Shutdown::WAIT);
}

#[test]
fn item_66_a_failing_initializer_breaks_the_pool() {
    let gate = Arc::new(Gate::default());
    let pool = ThreadPool::builder()
        .workers(2)
        .initializer({
            let gate = Arc::clone(&gate);
            move || {
                gate.pass();
                Err("no kettle")
            }
        })
        .build()
        .unwrap();
    let tasks = fifty(&pool, &gate);
    gate.open();
    assert_broken_for(&pool, tasks, "the initializer failed: no kettle");
}

#[test]
fn item_66_so_does_one_that_panics() {
    let gate = Arc::new(Gate::default());
    let pool = ThreadPool::builder()
        .workers(2)
        .initializer({
            let gate = Arc::clone(&gate);
            move || -> Result<(), String> {
                gate.pass();
                panic!("the kettle {}", "exploded")
            }
        })
        .build()
        .unwrap();
    let tasks = fifty(&pool, &gate);
    gate.open();
    assert_broken_for(&pool, tasks, "the initializer panicked: the kettle exploded");
}

#[test]
fn an_initializer_that_fails_later_leaves_what_runs_alone() {
    // The second worker breaks the pool while the first one runs a job.
    let workers = Arc::new(AtomicUsize::new(0));
    let pool = ThreadPool::builder()
        .workers(2)
        .initializer({
            let workers = Arc::clone(&workers);
            move || match workers.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(()),
                _ => Err("one kettle only"),
            }
        })
        .build()
        .unwrap();
    let gate = Arc::new(Gate::default());
    let runs = pool.spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    eventually("it runs", || runs.is_running());
    let queued: Vec<_> = (0..5).map(|n| pool.spawn(move || n)).collect();
    assert_broken_for_without_end(&queued);
    gate.open();
    runs.result().unwrap();
    pool.shutdown(Shutdown::WAIT);
}

fn assert_broken_for_without_end(tasks: &[Task<usize>]) {
    for task in tasks {
        task.wait();
        let error = task.outcome().unwrap().as_ref().unwrap_err();
        assert!(error.message().contains("one kettle only"), "{error}");
    }
}

#[test]
fn a_bounded_broken_pool_lets_everybody_go() {
    let _alone = crate::bounded_queue::alone();
    // Submitters that wait for room in a queue that nobody will ever empty.
    let gate = Arc::new(Gate::default());
    let pool = ThreadPool::builder()
        .workers(1)
        .queue_bound(1)
        .initializer({
            let gate = Arc::clone(&gate);
            move || {
                gate.pass();
                Err("no kettle")
            }
        })
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        let submitters: Vec<_> =
            (0..8).map(|_| scope.spawn(|| pool.spawn(|| 1).result())).collect();
        gate.open();
        for submitter in submitters {
            assert!(submitter.join().unwrap().unwrap_err().is_rejected());
        }
    });
}

#[test]
fn a_thread_that_cannot_be_started_breaks_the_pool() {
    // No machine has room for such a stack.
    let pool = ThreadPool::builder().workers(1).stack_bytes(1 << 46).build().unwrap();
    let error = pool.spawn(|| 1).result().unwrap_err();
    assert!(error.is_rejected());
    assert!(error.message().contains("no worker thread was started"), "{error}");
    pool.shutdown(Shutdown::WAIT);
}

trait TrySpawnUnit {
    fn try_spawn_unit(&self) -> Result<(), RejectedReason>;
}

impl TrySpawnUnit for ThreadPool {
    fn try_spawn_unit(&self) -> Result<(), RejectedReason> {
        manyhands_executor::InProcess::try_spawn(self, || ())
            .map(drop)
            .map_err(|rejected| rejected.reason().clone())
    }
}
