//! The end of a pool: what is finished, what is cancelled, what is killed. Acceptance items 52 to 62,
//! 71 and 76, for processes.

use std::time::{Duration, Instant};

use manyhands_executor::{Executor, ExecutorExt, Shutdown};
use manyhands_processes::ProcessPool;

use super::{compute, compute_for_ever, double, wait_for_ever};
use crate::patience::eventually;

#[test]
fn acceptance_52_nothing_is_taken_after_the_shutdown() {
    let pool = ProcessPool::new(1).unwrap();
    pool.submit(double, 1).result().unwrap();
    pool.shutdown(Shutdown::WAIT);
    assert!(pool.submit(double, 1).result().unwrap_err().is_rejected());
    pool.shutdown(Shutdown::WAIT);
    assert!(pool.worker_pids().is_empty());
}

#[test]
fn acceptance_71_an_early_shutdown_finishes_everything() {
    let pool = ProcessPool::new(2).unwrap();
    let tasks: Vec<_> = (0..50).map(|_| pool.submit(compute, 1)).collect();
    pool.shutdown(Shutdown::DETACH);
    for task in tasks {
        assert_eq!(task.result().unwrap(), 1);
    }
}

#[test]
fn acceptance_56_what_has_not_begun_can_be_cancelled_at_the_end() {
    let pool = ProcessPool::new(2).unwrap();
    let tasks: Vec<_> = (0..50).map(|_| pool.submit(compute, 20)).collect();
    tasks[0].wait();
    pool.shutdown(Shutdown::CANCEL_QUEUED);
    let cancelled = tasks.iter().filter(|task| task.is_cancelled()).count();
    assert!(tasks.iter().all(|task| task.is_done()));
    assert!(cancelled > 20, "{cancelled}");
    for task in tasks {
        assert!(task.result().map_or_else(|error| error.is_cancelled(), |value| value == 20));
    }
}

#[test]
fn what_was_sent_ahead_is_cancelled_at_once_also_if_nobody_waits() {
    let pool = ProcessPool::builder().workers(1).prefetch_depth(8).build().unwrap();
    let long = pool.submit(wait_for_ever, ());
    eventually("it runs", || long.is_running());
    let ahead: Vec<_> = (0..20).map(|n| pool.submit(double, n)).collect();
    pool.shutdown(Shutdown { wait: false, cancel_queued: true });
    assert!(ahead.iter().all(|task| task.is_cancelled()));
    assert!(!long.is_done());
    long.cancel();
    assert!(long.result().unwrap_err().is_cancelled());
}

#[test]
fn an_empty_pool_ends() {
    drop(ProcessPool::new(2).unwrap());
    let eager = ProcessPool::builder().workers(2).eager(true).build().unwrap();
    drop(eager); // while its workers start
}

#[test]
fn dropping_a_pool_finishes_its_tasks() {
    let pool = ProcessPool::new(2).unwrap();
    let tasks: Vec<_> = (0..20).map(|_| pool.submit(compute, 2)).collect();
    drop(pool);
    assert!(tasks.iter().all(|task| task.is_done()));
    assert!(tasks.into_iter().all(|task| task.result().unwrap() == 2));
}

#[test]
fn dropping_a_pool_has_a_bound() {
    let pool = ProcessPool::builder().workers(1).drop_limit(Duration::from_millis(50));
    let pool = pool.build().unwrap();
    let long = pool.submit(compute_for_ever, ());
    let queued = pool.submit(double, 1);
    eventually("it runs", || long.is_running());
    drop(pool);
    assert!(long.result().unwrap_err().is_worker_died());
    assert!(queued.result().unwrap_err().is_cancelled());
}

#[test]
fn acceptance_76_killing_workers() {
    let pool = ProcessPool::new(2).unwrap();
    pool.kill_workers(); // none is started
    assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
    let long = pool.submit(wait_for_ever, ());
    eventually("it runs", || long.is_running());
    pool.kill_workers();
    let error = long.result().unwrap_err();
    assert!(error.is_worker_died(), "{error}");
    pool.kill_workers(); // they are dead already, or new ones start
    assert_eq!(pool.submit(double, 2).result().unwrap(), 4);
    pool.shutdown(Shutdown::WAIT);
    pool.kill_workers();
}

#[test]
fn a_crash_while_the_pool_shuts_down_loses_only_its_task() {
    fn crash_on_7(n: u64) -> u64 {
        compute(1);
        if n == 7 {
            std::process::abort();
        }
        n
    }
    let pool = ProcessPool::new(2).unwrap();
    let tasks: Vec<_> = (0..20).map(|n| pool.submit(crash_on_7, n)).collect();
    pool.shutdown(Shutdown::WAIT);
    for (n, task) in tasks.into_iter().enumerate() {
        match task.result() {
            Ok(value) => assert_eq!(value, n as u64),
            Err(error) => assert!(n == 7 && error.is_worker_died(), "{n}: {error}"),
        }
    }
}

#[test]
fn a_pool_may_be_ended_by_its_own_callback() {
    let pool = std::sync::Arc::new(ProcessPool::new(1).unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    let own = std::sync::Arc::clone(&pool);
    pool.submit(compute, 20).on_done(move |_| {
        own.shutdown(Shutdown::WAIT);
        drop(own);
        sender.send(()).unwrap();
    });
    receiver.recv_timeout(crate::patience::LONG).unwrap();
}

#[test]
fn acceptance_57_a_pool_that_is_left_behind_is_finished_when_the_process_ends() {
    // A worker process does not run what ends a program, so it takes a program: this one.
    const ALONE: &str = "MANYHANDS_POOL_LEFT_BEHIND";
    if let Some(file) = std::env::var_os(ALONE) {
        fn write(file: std::path::PathBuf) {
            std::thread::sleep(Duration::from_millis(100));
            std::fs::write(file, "done").unwrap();
        }
        let pool = ProcessPool::new(1).unwrap();
        drop(pool.submit(write, file.into()));
        pool.shutdown(Shutdown::DETACH);
        std::mem::forget(pool);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("result");
    let name = "pool::lifecycle::acceptance_57_a_pool_that_is_left_behind_is_finished_when_the_process_ends";
    let start = Instant::now();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, &file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "done");
    assert!(start.elapsed() < crate::patience::LONG);
}

#[test]
fn a_copy_of_the_program_made_by_fork_ends_without_waiting_for_the_pool() {
    let pool = ProcessPool::new(1).unwrap();
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8);
    // SAFETY: the copy calls nothing but `exit`, as a library that forks would.
    let copy = unsafe {
        match libc::fork() {
            0 => libc::exit(0),
            copy => copy,
        }
    };
    assert!(copy > 0);
    let mut status = 0;
    crate::patience::eventually("the copy has ended", || {
        // SAFETY: the copy is a child of this process that nobody else waits for.
        unsafe { libc::waitpid(copy, &raw mut status, libc::WNOHANG) == copy }
    });
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
    assert_eq!(pool.submit(double, 5).result().unwrap(), 10, "the pool goes on");
}
