//! Trying again, only where it was asked for: after a panic, and after the death of the worker.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use manyhands_executor::{ExecutorExt, RetryPolicy, TaskOptions};
use manyhands_processes::ProcessPool;

/// Adds a line to the file; how many there are then.
fn count(file: &Path) -> usize {
    OpenOptions::new().create(true).append(true).open(file).unwrap().write_all(b"x\n").unwrap();
    std::fs::read_to_string(file).unwrap().lines().count()
}

fn die_twice(file: PathBuf) -> usize {
    match count(&file) {
        attempt @ 0..3 => {
            eprintln!("attempt {attempt}");
            std::process::abort()
        }
        attempt => attempt,
    }
}

fn panic_twice(file: PathBuf) -> usize {
    let attempt = count(&file);
    assert!(attempt >= 3, "attempt {attempt}");
    attempt
}

fn policy(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts).base(Duration::from_millis(1))
}

#[test]
fn a_task_is_tried_again_after_its_worker_died_if_it_asked_for_that() {
    let pool = ProcessPool::new(2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let retrying = pool.with(TaskOptions::new()).retries(policy(3));
    assert_eq!(retrying.submit(die_twice, folder.path().join("a")).result().unwrap(), 3);
    assert_eq!(pool.statistics().retried, 2);
    let retrying = pool.with(TaskOptions::new()).retries(policy(2));
    let error = retrying.submit(die_twice, folder.path().join("b")).result().unwrap_err();
    assert!(error.is_worker_died(), "{error}");
    let error = pool.submit(die_twice, folder.path().join("c")).result().unwrap_err();
    assert!(error.is_worker_died(), "{error}");
    assert_eq!(std::fs::read_to_string(folder.path().join("c")).unwrap().lines().count(), 1);
}

#[test]
fn a_task_is_tried_again_after_a_panic_if_it_asked_for_that() {
    let pool = ProcessPool::new(1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let retrying = pool.with(TaskOptions::new()).retries(policy(5));
    assert_eq!(retrying.submit(panic_twice, folder.path().join("a")).result().unwrap(), 3);
    let retrying = pool.with(TaskOptions::new()).retries(policy(2));
    let error = retrying.submit(panic_twice, folder.path().join("b")).result().unwrap_err();
    assert_eq!(error.message(), "attempt 2");
    assert_eq!(pool.statistics().died, 0);
}

#[test]
fn a_task_that_waits_for_its_next_attempt_can_be_cancelled() {
    let pool = ProcessPool::new(1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let patient =
        RetryPolicy::new(3).base(Duration::from_secs(1000)).max(Duration::from_secs(1000));
    let retrying = pool.with(TaskOptions::new()).retries(patient);
    let task = retrying.submit(panic_twice, folder.path().join("a"));
    crate::patience::eventually("it has failed once", || pool.statistics().retried == 1);
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
}
