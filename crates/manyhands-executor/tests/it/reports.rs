//! What is printed about failures, and what is known of a panic. Each in a process of its own.

use std::time::Instant;

use manyhands_executor::{
    Executor, ExecutorExt, InProcess, Job, Sequential, Shutdown, TaskOptions,
};
use manyhands_wait::{CancelToken, with_cancel_token};

use crate::by_hand::ByHand;
use crate::own_process::{alone, errors_of};

/// Runs the body in an own process, without backtraces, and returns what that printed to standard
/// error. `None` in that process itself.
fn printed(name: &str, body: impl FnOnce()) -> Option<String> {
    let output = alone(name, &[("RUST_BACKTRACE", "0")], body)?;
    Some(errors_of(&output))
}

#[test]
fn an_unread_failure_is_reported_with_its_task() {
    let errors = printed("reports::an_unread_failure_is_reported_with_its_task", || {
        let executor = ByHand::new();
        let late = TaskOptions::new().name("breakfast").deadline(Instant::now());
        drop(executor.with(late).spawn(|| ()));
        executor.next().run();
        drop(executor.spawn(|| ()));
        drop(executor.next());
    });
    if let Some(errors) = errors {
        assert_eq!(errors.lines().count(), 2, "{errors}");
        assert!(errors.contains("'breakfast' failed, and nobody looked: the task's deadline"));
        assert!(errors.contains("without running it"), "{errors}");
    }
}

#[test]
fn a_failure_that_was_looked_at_is_not_reported() {
    let errors = printed("reports::a_failure_that_was_looked_at_is_not_reported", || {
        let executor = ByHand::new();
        executor.shutdown(Shutdown::WAIT);
        assert!(executor.spawn(|| ()).outcome().unwrap().is_err());
        assert!(executor.spawn(|| ()).result().is_err());
        executor.spawn(|| ()).on_done(|outcome| assert!(outcome.is_err()));
        assert!(executor.try_spawn(|| ()).is_err());
        assert!(executor.try_submit(|()| (), ()).is_err());
    });
    if let Some(errors) = errors {
        assert_eq!(errors, "");
    }
}

#[test]
fn a_cancellation_is_not_reported_and_the_panic_hook_is_silent() {
    let errors =
        printed("reports::a_cancellation_is_not_reported_and_the_panic_hook_is_silent", || {
            let executor = ByHand::new();
            let queued = executor.spawn(|| ());
            drop(executor.next());
            queued.cancel();
            let (running, job) =
                Job::of(TaskOptions::new(), || manyhands_wait::sleep(crate::patience::LONG));
            let runner = std::thread::spawn(move || job.run());
            crate::patience::eventually("it runs", || running.is_running());
            running.cancel();
            runner.join().unwrap();
            drop(queued.result());
        });
    if let Some(errors) = errors {
        assert_eq!(errors, "");
    }
}

#[test]
fn a_panic_is_reported_once_by_the_panic_hook() {
    let errors = printed("reports::a_panic_is_reported_once_by_the_panic_hook", || {
        drop(Sequential::new().spawn(|| panic!("burnt toast")));
    });
    if let Some(errors) = errors {
        assert_eq!(errors.matches("burnt toast").count(), 1, "{errors}");
        assert!(errors.contains("panicked at"), "{errors}");
        assert!(!errors.contains("nobody looked"), "{errors}");
    }
}

#[test]
fn a_panicking_callback_is_reported_and_leaves_the_others() {
    let name = "reports::a_panicking_callback_is_reported_and_leaves_the_others";
    let errors = printed(name, || {
        let (task, job) = Job::of(TaskOptions::new(), || 1);
        task.on_done(|_| panic!("early callback"));
        task.on_done(|outcome| eprintln!("the other one saw {outcome:?}"));
        job.run();
        task.on_done(|_| panic!("late callback"));
        assert_eq!(task.result().unwrap(), 1);
    });
    if let Some(errors) = errors {
        for expected in ["early callback", "the other one saw Ok(1)", "late callback"] {
            assert_eq!(errors.matches(expected).count(), 1, "{errors}");
        }
    }
}

#[test]
fn a_submitter_that_is_cancelled_while_it_waits_for_room_is_not_told_of_a_lost_task() {
    /// Has no room, ever.
    struct Full;
    impl Executor for Full {
        fn execute(&self, job: Job) -> Result<(), manyhands_executor::Rejected> {
            let _job = job;
            manyhands_wait::wait(std::future::pending())
        }
        fn parallelism(&self) -> usize {
            1
        }
        fn shutdown(&self, _how: Shutdown) {}
    }
    impl InProcess for Full {}

    let name = "reports::a_submitter_that_is_cancelled_while_it_waits_for_room_is_not_told_of_a_\
                lost_task";
    let errors = printed(name, || {
        let token = CancelToken::new();
        token.cancel();
        assert!(with_cancel_token(&token, || drop(Full.spawn(|| 1))).is_err());
        let token = CancelToken::new();
        token.cancel();
        assert!(with_cancel_token(&token, || drop(Full.spawn_async(async {}))).is_err());
    });
    if let Some(errors) = errors {
        assert_eq!(errors, "");
    }
}

#[test]
fn a_panic_tells_message_place_and_payload() {
    let executor = Sequential::new();
    let task = executor.spawn(|| -> u8 { panic!("burnt {}", "toast") });
    let line = line!() - 1;
    let error = task.result().unwrap_err();
    assert_eq!(error.message(), "burnt toast");
    let place = format!("{}:{line}:", file!());
    assert!(error.location().unwrap().starts_with(&place), "{:?}", error.location());
    assert_eq!(
        error.to_string(),
        format!("the task panicked at {}: burnt toast", error.location().unwrap())
    );

    let task = executor.spawn(|| -> u8 { std::panic::panic_any(77_u64) });
    let error = task.result().unwrap_err();
    assert!(error.message().contains("not text"));
    let again = error.clone();
    let payload = std::panic::catch_unwind(|| error.resume()).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&77_u64), "the original payload");
    let payload = std::panic::catch_unwind(|| again.resume()).unwrap_err();
    assert!(payload.downcast_ref::<String>().is_some(), "it can be taken once");
}

#[test]
fn a_panic_that_goes_on_in_another_task_keeps_its_place() {
    let executor = Sequential::new();
    let first = executor.spawn(|| -> u8 { panic!("burnt toast") }).result().unwrap_err();
    let place = first.location().unwrap().to_owned();
    let second = executor.spawn(move || -> u8 { first.resume() }).result().unwrap_err();
    assert_eq!(second.message(), "burnt toast");
    assert_eq!(second.location(), Some(&*place));
}

#[test]
fn a_backtrace_is_there_if_it_was_asked_for() {
    let name = "reports::a_backtrace_is_there_if_it_was_asked_for";
    let body = || {
        let task = Sequential::new().spawn(|| -> u8 { panic!("burnt toast") });
        let error = task.result().unwrap_err();
        let asked = std::env::var("RUST_BACKTRACE").unwrap() == "1";
        assert_eq!(error.backtrace().is_some(), asked);
        if let Some(backtrace) = error.backtrace() {
            assert!(backtrace.contains("a_backtrace_is_there"), "{backtrace}");
        }
    };
    for asked in ["0", "1"] {
        if let Some(output) = alone(name, &[("RUST_BACKTRACE", asked)], body) {
            assert!(errors_of(&output).contains("burnt toast"));
        }
    }
}

#[test]
fn a_hook_of_the_program_is_called_as_before() {
    let errors = printed("reports::a_hook_of_the_program_is_called_as_before", || {
        std::panic::set_hook(Box::new(|_| eprintln!("the program's own hook")));
        let task = Sequential::new().spawn(|| -> u8 { panic!("burnt toast") });
        assert!(task.result().unwrap_err().location().is_some());
        assert!(std::panic::catch_unwind(|| panic!("outside of tasks")).is_err());
        // Set later, it replaces ours; the message is still there.
        std::panic::set_hook(Box::new(|_| eprintln!("a later hook")));
        let task = Sequential::new().spawn(|| -> u8 { panic!("burnt again") });
        assert_eq!(task.result().unwrap_err().message(), "burnt again");
    });
    if let Some(errors) = errors {
        assert_eq!(errors.lines().filter(|line| line.contains("own hook")).count(), 2, "{errors}");
        assert_eq!(errors.matches("a later hook").count(), 1, "{errors}");
    }
}

#[test]
fn errors_print_what_they_know() {
    let executor = ByHand::new();
    executor.shutdown(Shutdown::WAIT);
    let error = executor.spawn(|| ()).result().unwrap_err();
    assert_eq!(error.to_string(), "the executor was shut down");
    let debug = format!("{error:?}");
    assert!(debug.contains("Rejected") && debug.contains("the executor was shut down"), "{debug}");
    assert_eq!(error.kind().to_string(), "rejected");
}
