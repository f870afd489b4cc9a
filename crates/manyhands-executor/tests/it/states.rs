//! A task in each of its states: what it says of itself, and what can still be done to it.

use std::sync::Arc;
use std::time::Duration;

use manyhands_executor::{
    Cancellation, InProcess, Job, RejectedReason, Task, TaskError, TaskErrorKind, TaskOptions,
};

use crate::by_hand::ByHand;
use crate::patience::{Gate, LONG, eventually};

/// What can be asked of a task: running, done, cancelled.
fn asked<R: 'static>(task: &Task<R>) -> (bool, bool, bool) {
    let handle = task.handle();
    let asked = (task.is_running(), task.is_done(), task.is_cancelled());
    assert_eq!(asked, (handle.is_running(), handle.is_done(), handle.is_cancelled()));
    asked
}

fn job<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> (Task<R>, Job) {
    Job::of(TaskOptions::new(), f)
}

#[test]
fn queued_then_done() {
    let (task, job) = job(|| 5);
    assert_eq!(asked(&task), (false, false, false));
    assert!(!job.is_over());
    job.run();
    assert_eq!(asked(&task), (false, true, false));
    assert!(!task.handle().is_failed());
    assert_eq!(task.result().unwrap(), 5);
}

#[test]
fn running_is_seen_from_outside() {
    let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let (task, job) = job({
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move || {
            begun.open();
            go.pass();
        }
    });
    let worker = std::thread::spawn(move || job.run());
    begun.pass();
    assert_eq!(asked(&task), (true, false, false));
    assert!(format!("{task:?}").contains("running"));
    go.open();
    task.wait();
    assert_eq!(asked(&task), (false, true, false));
    worker.join().unwrap();
}

#[test]
fn a_panicked_task_has_failed() {
    let (task, job) = job(|| std::panic::resume_unwind(Box::new("why not")));
    job.run();
    assert_eq!(asked(&task), (false, true, false));
    assert!(task.handle().is_failed());
    let error = task.result().unwrap_err();
    assert!(error.is_panicked());
    assert_eq!(error.message(), "why not");
}

#[test]
fn a_queued_task_is_cancelled_at_once_and_never_runs() {
    let (task, job) = job(|| panic!("it must not run"));
    assert_eq!(task.cancel(), Cancellation::Cancelled);
    assert_eq!(asked(&task), (false, true, true));
    assert_eq!(task.cancel(), Cancellation::Cancelled, "again is the same as once");
    assert!(job.is_over());
    job.run();
    assert!(task.result().unwrap_err().is_cancelled());
}

#[test]
fn a_running_task_is_asked_to_end() {
    let begun = Arc::new(Gate::default());
    let (task, job) = job({
        let begun = Arc::clone(&begun);
        move || {
            begun.open();
            manyhands_wait::sleep(LONG);
        }
    });
    let worker = std::thread::spawn(move || job.run());
    begun.pass();
    assert_eq!(task.cancel(), Cancellation::Requested);
    task.wait();
    assert_eq!(asked(&task), (false, true, true));
    assert_eq!(task.cancel(), Cancellation::Cancelled);
    assert!(task.result().unwrap_err().is_cancelled());
    worker.join().unwrap();
}

#[test]
fn a_running_task_that_does_not_wait_finishes() {
    let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let (task, job) = job({
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move || {
            begun.open();
            go.pass();
            assert!(manyhands_wait::is_cancelled());
            8
        }
    });
    let worker = std::thread::spawn(move || job.run());
    begun.pass();
    assert_eq!(task.cancel(), Cancellation::Requested);
    assert!(format!("{task:?}").contains("being cancelled"));
    go.open();
    task.wait();
    assert_eq!(asked(&task), (false, true, false));
    assert_eq!(task.cancel(), Cancellation::TooLate);
    assert_eq!(task.result().unwrap(), 8);
    worker.join().unwrap();
}

#[test]
fn an_ended_task_stays_as_it_is() {
    let (done, done_job) = job(|| 1);
    let (failed, failed_job) = job(|| -> u32 { std::panic::resume_unwind(Box::new(())) });
    done_job.run();
    failed_job.run();
    assert_eq!(done.cancel(), Cancellation::TooLate);
    assert_eq!(failed.handle().cancel(), Cancellation::TooLate);
    assert_eq!(done.result().unwrap(), 1);
    assert!(failed.result().unwrap_err().is_panicked());
}

#[test]
fn what_a_job_can_end_with() {
    fn ended(end: impl FnOnce(Job)) -> TaskError {
        let (task, job) = job(|| 0);
        end(job);
        assert!(task.is_done());
        task.result().unwrap_err()
    }
    assert!(ended(Job::cancel).is_cancelled());
    assert!(ended(drop).is_lost());
    let full = ended(|job| job.reject(RejectedReason::Full));
    assert!(full.is_rejected() && full.message().contains("full"), "{full}");
    let died = ended(|job| job.fail(TaskError::new(TaskErrorKind::WorkerDied, "signal 9")));
    assert_eq!((died.kind(), died.message()), (TaskErrorKind::WorkerDied, "signal 9"));
}

#[test]
fn a_task_ends_once_whatever_is_tried() {
    let (task, job) = job(|| 3);
    let handle = task.handle();
    job.run();
    handle.cancel();
    assert_eq!(task.outcome().unwrap().as_ref().unwrap(), &3);
    assert_eq!(task.result().unwrap(), 3);
}

#[test]
fn a_job_that_is_dropped_by_a_panicking_executor_is_not_waited_for_in_vain() {
    let (task, job) = job(|| 0);
    let died = std::thread::spawn(move || {
        let _job = job;
        std::panic::resume_unwind(Box::new("the executor has a bug"));
    });
    assert!(died.join().is_err());
    assert!(task.result().unwrap_err().is_lost());
}

#[test]
fn the_outcome_is_looked_at_and_taken_once() {
    let (mut task, job) = job(|| vec![1, 2]);
    assert!(task.outcome().is_none());
    assert!(task.result_timeout(Duration::ZERO).is_err());
    job.run();
    assert_eq!(task.outcome().unwrap().as_ref().unwrap().len(), 2);
    assert_eq!(task.result_timeout(Duration::ZERO).unwrap().unwrap(), [1, 2]);
    assert!(task.outcome().is_none());
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        task.result_timeout(Duration::ZERO)
    }));
    assert!(again.is_err(), "taking it twice is a mistake of the caller");
}

#[test]
fn one_waiter_among_many_claims_a_queued_task() {
    // A worker takes the job out of the queue while others, who work for the same executor, wait
    // for the task: somebody runs it, once.
    for _ in 0..300 {
        let executor = ByHand::new();
        let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let task = executor.spawn({
            let runs = Arc::clone(&runs);
            move || runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        });
        let job = executor.next();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| executor.work(|| task.wait()));
            }
            scope.spawn(|| job.run());
        });
        assert_eq!(runs.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert_eq!(task.result().unwrap(), 0);
    }
}

#[test]
fn a_task_run_by_its_waiter_leaves_a_job_that_is_over() {
    let executor = ByHand::new();
    let task = executor.spawn(|| 4);
    executor.work(|| task.wait());
    let job = executor.next();
    assert!(job.is_over());
    job.run();
    assert_eq!(task.result().unwrap(), 4);
}

#[test]
fn others_than_its_workers_leave_a_queued_task_alone() {
    let executor = ByHand::new();
    let other = ByHand::new();
    let task = executor.spawn(|| 4);
    let waiter = std::thread::spawn(move || other.work(|| task.result()));
    eventually("the other worker waits", || {
        manyhands_wait::dump()
            .contexts
            .iter()
            .any(|seen| seen.wait.as_ref().is_some_and(|wait| wait.reason == "result of a task"))
    });
    let job = executor.next();
    assert!(!job.is_over());
    job.run();
    assert_eq!(waiter.join().unwrap().unwrap(), 4);
}

#[test]
fn a_waiter_that_gives_up_leaves_the_task_alone() {
    let executor = ByHand::new();
    let mut task = executor.spawn(|| 4);
    executor.work(|| assert!(task.wait_timeout(Duration::from_millis(1)).is_err()));
    executor.work(|| assert!(task.result_timeout(Duration::ZERO).is_err()));
    assert!(task.handle().wait_timeout(Duration::from_millis(1)).is_err());
    let job = executor.next();
    assert!(!job.is_over(), "a limited wait never runs the task itself");
    job.run();
    assert_eq!(task.result().unwrap(), 4);
}

#[test]
fn completion_races_with_cancellation() {
    let mut ended = [0; 2];
    for _ in 0..2000 {
        let (task, job) = job(|| 1);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| job.run());
            let cancellation = task.cancel();
            worker.join().unwrap();
            assert!(task.is_done());
            if cancellation == Cancellation::Cancelled {
                assert!(task.is_cancelled());
            }
            if cancellation == Cancellation::TooLate {
                assert!(!task.is_cancelled());
            }
        });
        match task.result() {
            Ok(value) => ended[0] += value,
            Err(error) => ended[1] += i32::from(error.is_cancelled()),
        }
    }
    assert_eq!(ended.iter().sum::<i32>(), 2000);
}

#[test]
fn names_and_numbers_tell_tasks_apart() {
    let (first, _job) = Job::of(TaskOptions::new().name("washing up"), || ());
    let (second, _job) = Job::of(TaskOptions::new(), || ());
    assert_eq!(first.name(), Some("washing up"));
    assert_eq!(first.handle().name(), Some("washing up"));
    assert_eq!(second.name(), None);
    assert_ne!(first.id(), second.id());
    assert_ne!(first.handle(), second.handle());
    assert_eq!(first.handle(), first.handle().clone());
    drop((first, second));
}

#[test]
fn tasks_jobs_and_handles_may_be_moved_about() {
    fn is_unpin_and_send<T: Unpin + Send>() {}
    is_unpin_and_send::<manyhands_executor::Task<u32>>();
    is_unpin_and_send::<manyhands_executor::TaskHandle>();
    is_unpin_and_send::<manyhands_executor::Job>();
}
