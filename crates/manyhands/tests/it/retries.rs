//! Retries: how often, with which delays, and what ends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use manyhands::{ExecutorExt, RetryPolicy, TaskOptions};

use crate::models::{on_all, on_queued};
use crate::patience::{LONG, eventually};

fn quick(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts).base(Duration::from_millis(1)).jitter(0.0)
}

/// Fails `failures` times, then returns the number of its calls.
fn flaky(calls: &Arc<AtomicU32>, failures: u32) -> impl Fn() -> u32 + Send + Sync + 'static {
    let calls = Arc::clone(calls);
    move || {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call <= failures {
            std::panic::resume_unwind(Box::new(format!("attempt {call}")));
        }
        call
    }
}

#[test]
fn it_is_tried_until_it_works() {
    on_all(|executor| {
        let calls = Arc::default();
        let task = executor.with(TaskOptions::new()).retries(quick(5)).spawn(flaky(&calls, 3));
        assert_eq!(task.result().unwrap(), 4);
    });
}

#[test]
fn the_last_failure_is_told() {
    on_all(|executor| {
        let calls = Arc::default();
        let task = executor.with(TaskOptions::new()).retries(quick(3)).spawn(flaky(&calls, 9));
        assert_eq!(task.result().unwrap_err().message(), "attempt 3");
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn one_attempt_is_no_retry() {
    on_all(|executor| {
        let calls = Arc::default();
        let task = executor.with(TaskOptions::new()).retries(quick(0)).spawn(flaky(&calls, 9));
        assert_eq!(task.result().unwrap_err().message(), "attempt 1");
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn plain_functions_are_retried_with_their_argument() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn flaky(words: Vec<String>) -> String {
        if CALLS.fetch_add(1, Ordering::SeqCst) % 3 != 2 {
            std::panic::resume_unwind(Box::new("not yet"));
        }
        words.concat()
    }
    on_all(|executor| {
        let words = vec!["many".to_owned(), "hands".to_owned()];
        let task = executor.with(TaskOptions::new()).retries(quick(3)).submit(flaky, words);
        assert_eq!(task.result().unwrap(), "manyhands");
    });
}

#[test]
fn there_is_a_delay_before_each_further_attempt() {
    on_all(|executor| {
        let calls = Arc::default();
        let policy = RetryPolicy::new(4).base(Duration::from_millis(4)).factor(2.0).jitter(0.0);
        let started = Instant::now();
        let task = executor.with(TaskOptions::new()).retries(policy).spawn(flaky(&calls, 3));
        assert_eq!(task.result().unwrap(), 4);
        assert!(started.elapsed() >= Duration::from_millis(4 + 8 + 16));
    });
}

#[test]
fn a_cancellation_ends_them() {
    on_queued(|executor| {
        let calls: Arc<AtomicU32> = Arc::default();
        let policy = quick(1_000).base(LONG).max(LONG);
        let task = executor.with(TaskOptions::new()).retries(policy).spawn(flaky(&calls, 9));
        eventually("it waits for the next attempt", || calls.load(Ordering::SeqCst) == 1);
        task.cancel();
        assert!(task.result().unwrap_err().is_cancelled());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_cancelled_attempt_is_not_tried_again() {
    on_queued(|executor| {
        let calls: Arc<AtomicU32> = Arc::default();
        let inside = Arc::clone(&calls);
        let task = executor.with(TaskOptions::new()).retries(quick(5)).spawn(move || {
            inside.fetch_add(1, Ordering::SeqCst);
            manyhands::sleep(LONG);
        });
        eventually("it runs", || calls.load(Ordering::SeqCst) == 1);
        task.cancel();
        assert!(task.result().unwrap_err().is_cancelled());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_time_limit_counts_for_all_attempts_together() {
    on_all(|executor| {
        let calls: Arc<AtomicU32> = Arc::default();
        let options = TaskOptions::new().time_limit(Duration::from_millis(20));
        let policy = quick(1_000_000).factor(1.0);
        let task = executor.with(options).retries(policy).spawn(flaky(&calls, u32::MAX));
        assert!(task.result().unwrap_err().is_timed_out());
        assert!(calls.load(Ordering::SeqCst) >= 1);
    });
}
