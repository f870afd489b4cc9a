//! The handle of a call, after CPython's `test_concurrent_futures/test_future.py`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use manyhands::{AnyExecutor, Cancellation, InProcess, Task, TaskError};

use crate::models::{Busy, on_all, on_queued, on_single};
use crate::own_process::{alone, errors_of};
use crate::patience::{Gate, LONG, eventually};

fn failing() -> u8 {
    std::panic::resume_unwind(Box::new("burnt toast"))
}

/// What a callback saw.
type Seen = Arc<Mutex<Vec<Result<u8, TaskError>>>>;

fn note(task: &Task<u8>) -> Seen {
    let seen = Seen::default();
    task.on_done({
        let seen = Arc::clone(&seen);
        move |outcome| seen.lock().unwrap().push(outcome.clone())
    });
    seen
}

#[test]
fn item_01_a_callback_gets_the_value() {
    on_all(|executor| {
        let task = executor.spawn(|| 5);
        let seen = note(&task);
        assert_eq!(task.result().unwrap(), 5);
        assert_eq!(*seen.lock().unwrap()[0].as_ref().unwrap(), 5);
        assert_eq!(seen.lock().unwrap().len(), 1);
    });
}

#[test]
fn item_02_a_callback_gets_the_error() {
    on_all(|executor| {
        let task = executor.spawn(failing);
        let seen = note(&task);
        assert!(task.result().is_err());
        assert_eq!(seen.lock().unwrap()[0].as_ref().unwrap_err().message(), "burnt toast");
        assert_eq!(seen.lock().unwrap().len(), 1);
    });
}

#[test]
fn item_03_a_callback_is_called_on_cancellation() {
    on_single(|executor| {
        let busy = Busy::on(executor);
        let task = executor.spawn(|| 5);
        let seen = note(&task);
        assert_eq!(task.cancel(), Cancellation::Cancelled);
        assert!(seen.lock().unwrap()[0].as_ref().unwrap_err().is_cancelled());
        assert_eq!(task.cancel(), Cancellation::Cancelled);
        assert_eq!(seen.lock().unwrap().len(), 1);
        busy.end();
    });
}

#[test]
fn item_04_a_panicking_callback_is_reported_and_leaves_the_others() {
    let name = "future::item_04_a_panicking_callback_is_reported_and_leaves_the_others";
    let output = alone(name, &[("RUST_BACKTRACE", "0")], || {
        on_all(|executor| {
            let (called, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(Gate::default()));
            let task = executor.spawn({
                let inside = Arc::clone(&inside);
                let sequential = executor.model() == manyhands::Model::Sequential;
                move || {
                    if !sequential {
                        inside.pass()
                    }
                }
            });
            for n in 0..3 {
                let called = Arc::clone(&called);
                task.on_done(move |_| {
                    called.fetch_add(1, Ordering::Relaxed);
                    assert!(n != 1, "a callback fell over");
                });
            }
            inside.open();
            task.result().unwrap();
            assert_eq!(called.load(Ordering::Relaxed), 3);
        });
    });
    if let Some(output) = output {
        let errors = errors_of(&output);
        assert_eq!(errors.matches("a callback fell over").count(), 7, "{errors}");
    }
}

#[test]
fn item_05_a_late_callback_is_called_at_once_and_here() {
    on_all(|executor| {
        for f in [|| 5, failing] {
            let task = executor.spawn(f);
            task.wait();
            let (sender, receiver) = channel();
            task.on_done(move |outcome| {
                sender.send((outcome.is_ok(), std::thread::current().id())).unwrap();
            });
            let expected = (task.outcome().unwrap().is_ok(), std::thread::current().id());
            assert_eq!(receiver.try_recv(), Ok(expected));
        }
    });
}

#[test]
fn item_06_a_late_callback_that_panics_is_reported() {
    let name = "future::item_06_a_late_callback_that_panics_is_reported";
    let output = alone(name, &[("RUST_BACKTRACE", "0")], || {
        on_all(|executor| {
            let task = executor.spawn(|| 5);
            task.wait();
            task.on_done(|_| panic!("a late callback fell over"));
            assert_eq!(task.result().unwrap(), 5);
        });
    });
    if let Some(output) = output {
        let errors = errors_of(&output);
        assert_eq!(errors.matches("a late callback fell over").count(), 7, "{errors}");
    }
}

#[test]
fn item_07_debug_shows_state_and_type_of_the_result_or_the_error() {
    let shown = |task: &Task<u8>| format!("{task:?}");
    on_all(|executor| {
        let (done, failed) = (executor.spawn(|| 5), executor.spawn(failing));
        done.wait();
        failed.wait();
        let text = shown(&done);
        assert!(text.contains("done") && text.contains("u8"), "{text}");
        assert!(text.contains(&done.id().to_string()), "{text}");
        let text = shown(&failed);
        assert!(text.contains("failed") && text.contains("Panicked"), "{text}");
    });
    on_single(|executor| {
        let busy = Busy::on(executor);
        assert!(format!("{:?}", busy.task).contains("running"));
        let task = executor.spawn(|| 5);
        assert!(shown(&task).contains("queued"));
        task.cancel();
        assert!(shown(&task).contains("Cancelled"));
        busy.end();
    });
}

/// One task in each state: queued, running, cancelled, failed, done. The first ends as cancelled.
fn in_each_state(executor: &AnyExecutor, look: impl Fn(&'static str, &mut Task<&'static str>)) {
    let mut done = executor.spawn(|| "a value");
    let mut failed = executor.spawn(|| -> &'static str { std::panic::resume_unwind(Box::new(())) });
    done.wait();
    failed.wait();
    let mut busy = Busy::on(executor);
    let mut cancelled = executor.spawn(|| "never");
    let mut queued = executor.spawn(|| "never");
    cancelled.cancel();
    look("done", &mut done);
    look("failed", &mut failed);
    look("running", &mut busy.task);
    look("cancelled", &mut cancelled);
    look("queued", &mut queued);
    queued.cancel();
    busy.end();
}

#[test]
fn item_08_cancelling_in_each_state() {
    // Here a running task is asked to end, which CPython cannot; its state is unchanged until then.
    on_single(|executor| {
        in_each_state(executor, |state, task| {
            let before = (task.is_running(), task.is_done(), task.is_cancelled());
            let (expected, after) = match state {
                "queued" => (Cancellation::Cancelled, (false, true, true)),
                "running" => (Cancellation::Requested, before),
                "cancelled" => (Cancellation::Cancelled, before),
                _ => (Cancellation::TooLate, before),
            };
            assert_eq!(task.cancel(), expected, "{state}");
            assert_eq!((task.is_running(), task.is_done(), task.is_cancelled()), after, "{state}");
        });
    });
}

#[test]
fn item_09_what_each_state_says_of_itself() {
    on_single(|executor| {
        in_each_state(executor, |state, task| {
            assert_eq!(task.is_running(), state == "running");
            assert_eq!(task.is_cancelled(), state == "cancelled");
            assert_eq!(task.is_done(), !["queued", "running"].contains(&state), "{state}");
            assert_eq!(task.handle().is_failed(), state == "failed");
        });
    });
}

#[test]
fn item_10_the_result_without_waiting() {
    on_single(|executor| {
        in_each_state(executor, |state, task| match (state, task.result_timeout(Duration::ZERO)) {
            ("queued" | "running", Err(manyhands::TimedOut)) => {}
            ("cancelled", Ok(Err(error))) => assert!(error.is_cancelled()),
            ("failed", Ok(Err(error))) => assert!(error.is_panicked()),
            ("done", Ok(Ok("a value"))) => {}
            (state, other) => panic!("{state} gave {other:?}"),
        });
    });
}

#[test]
fn item_11_the_error_without_waiting() {
    on_single(|executor| {
        in_each_state(executor, |state, task| {
            let ended = task.wait_timeout(Duration::ZERO).is_ok();
            assert_eq!(ended, task.outcome().is_some());
            match (state, task.outcome().map(|outcome| outcome.as_ref().err())) {
                ("queued" | "running", None) | ("done", Some(None)) => {}
                ("cancelled", Some(Some(error))) => assert!(error.is_cancelled()),
                ("failed", Some(Some(error))) => assert!(error.is_panicked()),
                (state, other) => panic!("{state} gave {other:?}"),
            }
        });
    });
}

#[test]
fn item_12_a_waiter_is_woken_by_the_outcome_and_by_a_cancellation() {
    on_single(|executor| {
        let busy = Busy::on(executor);
        let (task, queued) = (executor.spawn(|| 5), Arc::new(executor.spawn(|| 6)));
        let cancelled = queued.handle();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| task.result());
            let second = scope.spawn(move || queued.wait());
            eventually("both wait", || {
                let dump = manyhands::dump();
                let waits = dump.contexts.iter().filter_map(|seen| seen.wait.as_ref());
                waits.filter(|wait| wait.reason == "result of a task").count() == 2
            });
            cancelled.cancel();
            second.join().unwrap();
            busy.let_go();
            assert_eq!(first.join().unwrap().unwrap(), 5);
        });
        busy.end();
    });
}

#[test]
fn item_13_the_first_end_stays() {
    // Several try to end one task: its worker, and cancellers. The outcome does not change after.
    on_queued(|executor| {
        for _ in 0..200 {
            let task = executor.spawn(|| 5);
            let ends = note(&task);
            std::thread::scope(|scope| {
                scope.spawn(|| task.cancel());
                task.cancel();
            });
            task.wait();
            let first = task.outcome().unwrap().is_ok();
            task.cancel();
            assert_eq!(task.outcome().unwrap().is_ok(), first);
            assert_eq!(task.is_cancelled(), !first);
            assert_eq!(ends.lock().unwrap().len(), 1);
            assert_eq!(task.result().is_ok(), first);
        }
    });
}

#[test]
fn item_14_states_seen_by_four_threads_fit_together() {
    on_queued(|executor| {
        for round in 0..50 {
            let task = executor.spawn(move || if round % 2 == 0 { 5 } else { failing() });
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let mut was_done = false;
                        loop {
                            let last = stop.load(Ordering::Acquire);
                            let outcome = task.outcome();
                            let done = task.is_done();
                            assert!(done || outcome.is_none(), "an outcome of one not done");
                            assert!(done || !was_done, "done, and then not");
                            assert!(!task.is_cancelled());
                            if let Some(outcome) = outcome {
                                assert_eq!(outcome.is_ok(), round % 2 == 0);
                                assert!(!task.is_running());
                            }
                            was_done = done;
                            if last {
                                break;
                            }
                        }
                        assert!(was_done);
                    });
                }
                task.wait();
                stop.store(true, Ordering::Release);
            });
        }
    });
}

#[test]
fn tasks_can_be_awaited() {
    on_all(|executor| {
        let task = executor.spawn(|| 5);
        assert_eq!(manyhands::wait(task).unwrap(), 5);
        let future = executor.spawn_async(async { 6 });
        assert_eq!(manyhands::wait_timeout(future, LONG).unwrap().unwrap(), 6);
    });
}
