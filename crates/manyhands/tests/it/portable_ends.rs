//! How tasks and executors end, alike on every model, worker processes included: cancellation, limits,
//! retries, shutdown.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use manyhands::{
    Cancellation, Executor, ExecutorExt, RejectedReason, RetryPolicy, Shutdown, Task, TaskOptions,
    current_deadline, sleep, wait_all,
};

use crate::models::{on_every_concurrent_model, on_every_model, on_every_single_model};
use crate::patience::{LONG, eventually};
use crate::signs::{Signs, give, give_and_wait};

/// Gives a sign, then waits; when that is ended early, gives another on the way out.
fn wait_and_tell((begun, unwound): (PathBuf, PathBuf)) {
    struct Tells(PathBuf);
    impl Drop for Tells {
        fn drop(&mut self) {
            give(&self.0);
        }
    }
    let _tells = Tells(unwound);
    give(&begun);
    sleep(LONG);
}

#[test]
fn a_running_task_is_unwound_at_its_next_wait() {
    on_every_concurrent_model(|executor| {
        let signs = Signs::new();
        let task = executor.submit(wait_and_tell, (signs.sign("begun"), signs.sign("unwound")));
        signs.see("begun");
        eventually("it counts as running", || task.is_running());
        assert_eq!(task.cancel(), Cancellation::Requested);
        task.wait();
        assert!(task.is_cancelled() && signs.is_given("unwound"));
        assert!(task.result().unwrap_err().is_cancelled());
        assert_eq!(executor.submit(|n: u64| n, 3).result().unwrap(), 3, "the worker is there");
    });
}

#[test]
fn a_queued_task_never_begins() {
    on_every_single_model(|executor| {
        let signs = Signs::new();
        let busy = executor.submit(give_and_wait, (signs.sign("begun"), signs.sign("go")));
        signs.see("begun");
        let queued = executor.submit(|sign: PathBuf| give(&sign), signs.sign("queued"));
        queued.cancel();
        assert!(queued.result().unwrap_err().is_cancelled());
        signs.give("go");
        busy.result().unwrap();
        executor.submit(|()| (), ()).result().unwrap();
        assert!(!signs.is_given("queued"));
    });
}

#[test]
fn a_time_limit_ends_a_wait() {
    on_every_model(|executor| {
        let signs = Signs::new();
        let brief = TaskOptions::new().time_limit(Duration::from_millis(50));
        let task = executor
            .with(brief)
            .submit(wait_and_tell, (signs.sign("begun"), signs.sign("unwound")));
        let error = task.result().unwrap_err();
        assert!(error.is_timed_out(), "{error:?}");
        assert!(signs.is_given("unwound"), "{error:?}");
    });
}

#[test]
fn a_deadline_counts_in_the_queue_and_in_the_code() {
    on_every_model(|executor| {
        let knows = |()| current_deadline().is_some_and(|at| at > Instant::now());
        let due = TaskOptions::new().deadline(Instant::now() + LONG);
        assert!(executor.with(due).submit(knows, ()).result().unwrap());
        let none = executor.submit(|()| current_deadline().is_none(), ());
        assert!(none.result().unwrap());
    });
    on_every_single_model(|executor| {
        let signs = Signs::new();
        let busy = executor.submit(give_and_wait, (signs.sign("begun"), signs.sign("go")));
        signs.see("begun");
        let due = TaskOptions::new().deadline(Instant::now() + Duration::from_millis(20));
        let late = executor.with(due).submit(|sign: PathBuf| give(&sign), signs.sign("late"));
        assert!(late.result().unwrap_err().is_timed_out());
        signs.give("go");
        busy.result().unwrap();
        executor.submit(|()| (), ()).result().unwrap();
        assert!(!signs.is_given("late"));
    });
}

#[test]
fn a_task_is_tried_again_if_it_asked_for_that() {
    /// Notes its call in the file, and panics in the first two.
    fn flaky(file: PathBuf) -> usize {
        let calls = std::fs::read_to_string(&file).unwrap_or_default().len() + 1;
        std::fs::write(&file, "x".repeat(calls)).unwrap();
        assert!(calls > 2, "attempt {calls}");
        calls
    }
    on_every_model(|executor| {
        let quick =
            |attempts| RetryPolicy::new(attempts).base(Duration::from_millis(1)).jitter(0.0);
        let tried = |name: &str, attempts| {
            let file = Signs::new();
            let task = executor
                .with(TaskOptions::new())
                .retries(quick(attempts))
                .submit(flaky, file.sign(name));
            task.result()
        };
        assert_eq!(tried("three", 3).unwrap(), 3);
        assert_eq!(tried("two", 2).unwrap_err().message(), "attempt 2");
    });
}

#[test]
fn an_executor_that_ends_has_finished_and_takes_nothing_more() {
    on_every_model(|executor| {
        let tasks: Vec<Task<u64>> = (0..20).map(|n| executor.submit(|n| n, n)).collect();
        executor.shutdown(Shutdown::WAIT);
        assert!(tasks.iter().all(Task::is_done));
        assert!(executor.submit(|n: u8| n, 1).result().unwrap_err().is_rejected());
        let rejected = executor.try_submit(|n: u8| n, 1).unwrap_err();
        assert_eq!(rejected.reason(), &RejectedReason::ShutDown);
        assert!(executor.map(|n: u8| n, 0..3).all(|one| one.unwrap_err().is_rejected()));
        let values: Vec<u64> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        assert_eq!(values, (0..20).collect::<Vec<_>>());
    });
}

#[test]
fn what_waits_at_the_end_is_finished_or_cancelled() {
    for cancel_queued in [false, true] {
        on_every_single_model(|executor| {
            let signs = Signs::new();
            let busy = executor.submit(give_and_wait, (signs.sign("begun"), signs.sign("go")));
            signs.see("begun");
            let tasks: Vec<Task<u64>> = (0..20).map(|n| executor.submit(|n| n, n)).collect();
            executor.shutdown(Shutdown { wait: false, cancel_queued });
            if cancel_queued {
                // Not at once where they have to be taken back, and yet before a worker is free.
                assert_eq!(wait_all(&tasks).not_done.len(), 0);
            }
            signs.give("go");
            executor.shutdown(Shutdown::WAIT);
            busy.result().unwrap();
            assert!(tasks.iter().all(|task| task.is_cancelled() == cancel_queued));
            assert!(tasks.into_iter().all(|task| task.result().is_err() == cancel_queued));
        });
    }
}
