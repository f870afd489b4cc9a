//! Models of the state machine of a task, explored by loom: all interleavings, and all values that
//! the memory model lets a load see. The protocol is stated in `src/task/README.md`.
//!
//! ```sh
//! RUSTFLAGS="--cfg manyhands_loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --release -p manyhands-executor --test loom
//! ```
//!
//! The outcome lies in a cell whose accesses loom checks: an access that is not ordered after the
//! store is reported, and so is a waiter that nobody wakes.
#![cfg(manyhands_loom)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use manyhands_executor::{Cancellation, Job, Task, TaskError, TaskErrorKind, TaskOptions};

fn job_of(value: u32) -> (Task<u32>, Job) {
    Job::of(TaskOptions::new(), move || value)
}

/// Explores a model that is too large for all interleavings: those with at most this many switches
/// away from a thread that could go on.
fn model_bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(model);
}

#[test]
fn a_waiter_is_woken_and_sees_the_outcome() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        assert_eq!(block_on(task).unwrap(), 7);
        runner.join().unwrap();
    });
}

#[test]
fn completion_against_cancel_has_one_outcome() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        let cancelled = task.cancel();
        match block_on(task) {
            Ok(value) => {
                assert_eq!(value, 7);
                assert_ne!(cancelled, Cancellation::Cancelled);
            }
            Err(error) => {
                assert!(error.is_cancelled());
                // Cancelled before it began, or while it ran: never when it had ended.
                assert_ne!(cancelled, Cancellation::TooLate);
            }
        }
        runner.join().unwrap();
    });
}

#[test]
fn of_two_claimers_one_ends_the_task() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let first = task.handle();
        let canceller = thread::spawn(move || first.cancel());
        job.fail(TaskError::new(TaskErrorKind::Lost, "lost"));
        let by_the_canceller = canceller.join().unwrap() == Cancellation::Cancelled;
        let error = block_on(task).unwrap_err();
        assert_eq!(error.is_cancelled(), by_the_canceller);
        assert_eq!(error.is_lost(), !by_the_canceller);
    });
}

#[test]
fn each_callback_runs_once_and_sees_the_outcome() {
    model_bounded(3, || {
        let (task, job) = job_of(7);
        let calls = Arc::new(AtomicUsize::new(0));
        let runner = thread::spawn(move || job.run());
        for _ in 0..2 {
            let calls = Arc::clone(&calls);
            task.on_done(move |outcome| {
                assert!(matches!(outcome, Ok(7)));
                calls.fetch_add(1, Ordering::Relaxed);
            });
        }
        // The outcome can be taken only when every callback has run.
        assert_eq!(block_on(task).unwrap(), 7);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        runner.join().unwrap();
    });
}

#[test]
fn a_waiter_that_gives_up_leaves_the_outcome_to_the_next() {
    loom::model(|| {
        let (mut task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        // Registers a waker and never comes back for it, as a wait whose time is over.
        let first = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
        match first {
            Poll::Ready(outcome) => assert_eq!(outcome.unwrap(), 7),
            Poll::Pending => assert_eq!(block_on(task).unwrap(), 7),
        }
        runner.join().unwrap();
    });
}

#[test]
fn a_task_dropped_while_it_ends_disturbs_nobody() {
    loom::model(|| {
        let (mut task, job) = job_of(7);
        let handle = task.handle();
        let runner = thread::spawn(move || job.run());
        let _pending = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
        drop(task);
        runner.join().unwrap();
        assert!(handle.is_done() && !handle.is_failed());
    });
}

#[test]
fn a_dropped_job_fails_a_waiting_task() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let dropper = thread::spawn(move || drop(job));
        assert!(block_on(task).unwrap_err().is_lost());
        dropper.join().unwrap();
    });
}
