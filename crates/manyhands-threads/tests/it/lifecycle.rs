//! Starts, ends and submissions of pools at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_executor::{Executor, InProcess, Shutdown, Task, wait_all};
use manyhands_threads::ThreadPool;
use manyhands_wait::{CancelToken, with_cancel_token};

use crate::patience::{Gate, LONG, eventually};
use crate::stress::watched;

/// Everything that was submitted has ended, in a value, a cancellation or a rejection.
fn assert_ended(tasks: Vec<Task<usize>>) -> [usize; 3] {
    let mut counts = [0; 3];
    for mut task in tasks {
        let outcome = task.result_timeout(LONG).expect("a task was lost: it never ended");
        let kind = match outcome {
            Ok(_) => 0,
            Err(error) if error.is_cancelled() => 1,
            Err(error) => {
                assert!(error.is_rejected(), "{error:?}");
                2
            }
        };
        counts[kind] += 1;
    }
    counts
}

#[test]
fn submitting_races_with_the_end() {
    for how in [Shutdown::WAIT, Shutdown::CANCEL_QUEUED] {
        watched(|| {
            for round in 0..400 {
                let pool = ThreadPool::new(1 + round % 3).unwrap();
                let begun = AtomicUsize::new(0);
                let tasks: Vec<_> = std::thread::scope(|scope| {
                    let submitters: Vec<_> = (0..3)
                        .map(|_| {
                            scope.spawn(|| {
                                begun.fetch_add(1, Ordering::SeqCst);
                                (0..20).map(|n| pool.spawn(move || n)).collect::<Vec<_>>()
                            })
                        })
                        .collect();
                    while begun.load(Ordering::SeqCst) < 1 + round % 3 {
                        std::hint::spin_loop();
                    }
                    pool.shutdown(how);
                    assert_eq!(pool.statistics().workers, 0);
                    submitters.into_iter().flat_map(|one| one.join().unwrap()).collect()
                });
                let [done, cancelled, rejected] = assert_ended(tasks);
                assert_eq!(done + cancelled + rejected, 60);
                assert_eq!(pool.statistics().finished as usize, done + cancelled);
            }
        });
    }
}

#[test]
fn refused_submissions_do_not_keep_a_pool_from_ending() {
    // A refused job is counted for a moment. Who ends the pool, or works for it, may see that, go
    // to sleep, and must be woken when it is gone.
    watched(|| {
        for _ in 0..100 {
            let pool = ThreadPool::new(2).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        while pool.try_spawn(|| ()).is_ok() {
                            std::thread::yield_now();
                        }
                        while pool.statistics().workers > 0 {
                            assert!(pool.try_spawn(|| ()).is_err());
                            std::thread::yield_now();
                        }
                    });
                }
                while pool.statistics().finished < 10 {
                    std::thread::yield_now();
                }
                pool.shutdown(Shutdown::WAIT);
            });
        }
    });
}

#[test]
fn several_may_end_a_pool() {
    watched(|| {
        for _ in 0..200 {
            let pool = ThreadPool::new(2).unwrap();
            let tasks: Vec<_> = (0..10).map(|n| pool.spawn(move || n)).collect();
            std::thread::scope(|scope| {
                for how in [Shutdown::WAIT, Shutdown::CANCEL_QUEUED, Shutdown::DETACH] {
                    let pool = &pool;
                    scope.spawn(move || pool.shutdown(how));
                }
            });
            let [done, cancelled, rejected] = assert_ended(tasks);
            assert_eq!((done + cancelled, rejected), (10, 0));
        }
    });
}

#[test]
fn pools_come_and_go() {
    watched(|| {
        for round in 0..300 {
            let pool = ThreadPool::new(1 + round % 4).unwrap();
            let tasks: Vec<_> = (0..round % 7).map(|n| pool.spawn(move || n)).collect();
            drop(pool);
            assert!(tasks.iter().all(Task::is_done));
        }
    });
}

#[test]
fn who_waits_for_the_end_may_be_cancelled() {
    let pool = ThreadPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let task = pool.spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    let token = CancelToken::new();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| with_cancel_token(&token, || pool.shutdown(Shutdown::WAIT)));
        eventually("it waits", || {
            let dump = manyhands_wait::dump();
            let mut waits = dump.contexts.iter().filter_map(|seen| seen.wait.as_ref());
            waits.any(|wait| wait.reason == "end of a thread pool")
        });
        token.cancel();
        assert!(waiter.join().unwrap().is_err());
    });
    gate.open();
    pool.shutdown(Shutdown::WAIT);
    task.result().unwrap();
}

#[test]
fn jobs_that_wait_for_each_other_across_pools_end() {
    watched(|| {
        let (left, right) = (ThreadPool::new(1).unwrap(), Arc::new(ThreadPool::new(1).unwrap()));
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let right = Arc::clone(&right);
                left.spawn(move || right.spawn(move || n).result().unwrap())
            })
            .collect();
        assert_eq!(wait_all(&tasks).done.len(), 200);
    });
}

#[test]
fn a_worker_that_has_nothing_to_do_sleeps() {
    // An idle pool costs no processor time; the clock is that of the worker's thread.
    let pool = ThreadPool::builder().workers(1).name_prefix("sleepyhead").build().unwrap();
    pool.spawn(|| ()).result().unwrap();
    eventually("it is idle", || pool.statistics().idle == 1);
    let spent = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let mut names = tasks.map(|task| task.path());
        let path = names.find(|path| {
            std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("sleepy"))
        });
        let text = std::fs::read_to_string(path.unwrap().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    // Once asleep its clock stands still; a loaded machine may take its time to let it get there.
    eventually("it sleeps", || {
        let before = spent();
        std::thread::sleep(std::time::Duration::from_millis(20));
        spent() == before
    });
}
