//! Jobs as executors handle them: order of publishing, polling, dispatching.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use manyhands_executor::{
    Executor, ExecutorExt, InProcess, Job, RejectedReason, Sequential, Shutdown, TaskOptions,
};

use crate::by_hand::ByHand;

#[test]
fn the_executor_is_told_before_the_outcome_can_be_seen() {
    let (task, job) = Job::of(TaskOptions::new(), || 1);
    job.run_then(|| assert!(!task.is_done(), "seen before it was published"));
    assert!(task.is_done());
}

#[test]
fn with_callbacks_the_executor_is_told_after_them() {
    let (task, job) = Job::of(TaskOptions::new(), || 1);
    let called = Arc::new(AtomicBool::new(false));
    task.on_done({
        let called = Arc::clone(&called);
        move |_| called.store(true, Ordering::Relaxed)
    });
    let mut told = false;
    job.run_then(|| {
        told = true;
        assert!(called.load(Ordering::Relaxed), "this thread was still busy with the callback");
    });
    assert!(told);
}

#[test]
fn the_executor_is_told_of_a_job_that_is_over_too() {
    let (task, job) = Job::of(TaskOptions::new(), || 1);
    task.cancel();
    let mut told = false;
    job.run_then(|| told = true);
    assert!(told);
}

#[test]
fn a_call_is_polled_to_its_end_at_once() {
    let (task, mut job) = Job::of(TaskOptions::new(), || 1);
    assert!(!job.is_future());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(job.poll(&mut cx).is_ready());
    assert!(job.is_over());
    assert!(job.poll(&mut cx).is_ready());
    assert_eq!(task.result().unwrap(), 1);
}

#[test]
fn a_job_knows_its_priority_and_its_task() {
    let (task, job) = Job::of(TaskOptions::new().priority(-3), || 1);
    assert_eq!(job.priority(), -3);
    assert_eq!(job.task(), Some(task.handle()));
    assert!(format!("{job:?}").contains(&task.id().to_string()));
    job.run();
    assert_eq!(task.result().unwrap(), 1);
}

#[test]
fn the_deadline_of_a_run_is_the_earlier_of_two() {
    let now = Instant::now();
    let minute = std::time::Duration::from_secs(60);
    let deadline_of = |options| Job::of(options, || ()).1.run_deadline();
    assert_eq!(deadline_of(TaskOptions::new()), None);
    assert_eq!(deadline_of(TaskOptions::new().deadline(now + minute)), Some(now + minute));
    let both = TaskOptions::new().deadline(now + minute).time_limit(minute * 2);
    assert_eq!(deadline_of(both), Some(now + minute));
    let limited = deadline_of(TaskOptions::new().deadline(now + minute * 3).time_limit(minute));
    assert!(limited.unwrap() < now + minute * 2);
    assert_eq!(deadline_of(TaskOptions::new().time_limit(std::time::Duration::MAX)), None);
}

#[test]
fn a_closure_cannot_be_dispatched() {
    let executor = ByHand::new();
    let task = executor.spawn(|| 1);
    let job = executor.next();
    assert!(!job.is_portable());
    assert!(job.dispatch().is_none());
    assert!(task.result().unwrap_err().is_lost());
}

#[test]
fn a_plain_function_can_be_dispatched_once() {
    let executor = ByHand::new();
    let task = executor.submit(|n: u8| n + 1, 4);
    let job = executor.next();
    assert!(job.is_portable());
    let dispatched = job.dispatch().unwrap();
    assert!(task.is_running());
    assert!(!dispatched.is_cancel_requested());
    assert!(dispatched.entry().name().contains("u8"));
    assert_ne!(dispatched.entry().function_address(), 0);
    assert_ne!(dispatched.entry().trampoline_address(), 0);
    assert!(format!("{dispatched:?}").contains("argument_bytes"));
    let outcome = dispatched.entry().call_encoded(dispatched.argument());
    dispatched.complete_encoded(&outcome);
    assert_eq!(task.result().unwrap(), 5);
}

#[test]
fn a_cancelled_job_is_not_dispatched() {
    let executor = ByHand::new();
    let task = executor.submit(|n: u8| n + 1, 4);
    task.cancel();
    assert!(executor.next().dispatch().is_none());
    assert!(task.is_cancelled());
}

#[test]
fn a_late_job_is_not_dispatched() {
    let executor = ByHand::new();
    let late = TaskOptions::new().deadline(Instant::now());
    let task = executor.with(late).submit(|n: u8| n + 1, 4);
    assert!(executor.next().dispatch().is_none());
    assert!(task.result().unwrap_err().is_timed_out());
}

#[test]
fn a_rejected_submission_is_a_task_that_has_failed() {
    let executor = ByHand::new();
    executor.shutdown(Shutdown::WAIT);
    let error = executor.submit(|n: u8| n, 1).result().unwrap_err();
    assert!(error.is_rejected());
    assert_eq!(error.message(), "the executor was shut down");
    assert!(executor.spawn(|| 1).result().unwrap_err().is_rejected());
    assert!(executor.spawn_async(async {}).result().unwrap_err().is_rejected());
    let rejected = executor.try_submit(|n: u8| n, 1).unwrap_err();
    assert_eq!(rejected.reason(), &RejectedReason::ShutDown);
    assert_eq!(rejected.to_string(), "the executor was shut down");
}

#[test]
fn a_rejected_job_can_be_offered_to_another() {
    let executor = ByHand::new();
    executor.shutdown(Shutdown::WAIT);
    let rejected = executor.try_spawn(|| 1).unwrap_err();
    let job = rejected.into_job();
    let handle = job.task().unwrap();
    Sequential::new().execute(job).unwrap();
    assert!(handle.is_done() && !handle.is_failed());
}

#[test]
fn every_executor_can_be_held_behind_pointers() {
    let executor: Box<dyn Executor> = Box::new(Sequential::new());
    let executor: Arc<dyn Executor> = executor.into();
    let by_reference: &dyn Executor = &executor;
    assert_eq!(by_reference.submit(|n: u8| n + 1, 1).result().unwrap(), 2);
    assert_eq!(by_reference.parallelism(), 1);
    by_reference.shutdown(Shutdown::DETACH);
    assert!(executor.submit(|n: u8| n, 1).result().unwrap_err().is_rejected());
}
