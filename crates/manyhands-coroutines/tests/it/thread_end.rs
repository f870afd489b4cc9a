//! What becomes of coroutines whose thread ends before they do.

use std::thread;
use std::time::Duration;

use manyhands_coroutines::{sleep, spawn_local, yield_now};
use manyhands_executor::{Task, TaskErrorKind};

const LONG: Duration = Duration::from_secs(1000);

/// A task that a thread leaves behind.
fn left_by(f: impl FnOnce() -> Task<u32> + Send + 'static) -> Task<u32> {
    thread::spawn(f).join().expect("the thread does not panic")
}

#[test]
fn one_that_has_not_begun_is_lost() {
    let task = left_by(|| spawn_local(|| 1));
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Lost);
}

#[test]
fn one_that_is_suspended_is_lost_and_whoever_waits_for_it_is_told() {
    let (tell, told) = std::sync::mpsc::channel();
    let task = left_by(move || {
        let task = spawn_local(move || {
            sleep(LONG);
            2
        });
        task.on_done(move |outcome| tell.send(outcome.is_err()).unwrap());
        yield_now(); // it begins, and sleeps
        assert!(task.is_running());
        task
    });
    let error = task.result().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Lost);
    assert!(error.to_string().contains("thread"), "{error}");
    assert_eq!(told.try_recv(), Ok(true));
}

#[test]
fn a_future_that_is_waited_for_is_lost_too() {
    let task = left_by(|| {
        let task = spawn_local(|| {
            manyhands_io::wait(async {
                tokio::time::sleep(LONG).await;
                3
            })
        });
        yield_now();
        assert!(task.is_running());
        task
    });
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Lost);
}

#[test]
fn its_wakers_may_be_used_long_after() {
    let (send, receive) = tokio::sync::oneshot::channel::<u32>();
    let task = left_by(move || {
        let task = spawn_local(move || manyhands_io::wait(receive).unwrap_or_default());
        yield_now();
        assert!(task.is_running());
        task
    });
    assert_eq!(send.send(4), Ok(()), "its end of the channel is leaked with its stack");
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Lost);
}

#[test]
fn one_whose_callback_is_suspended_has_ended_and_its_value_is_lost() {
    let (tell, told) = std::sync::mpsc::channel();
    let mut task = left_by(move || {
        let task = spawn_local(|| 5);
        task.on_done(|outcome| {
            assert_eq!(*outcome.as_ref().unwrap(), 5);
            sleep(LONG);
        });
        task.on_done(move |outcome| tell.send(outcome.clone()).unwrap());
        yield_now(); // it ends, and its first callback sleeps
        assert!(task.is_done() && task.outcome().is_none());
        task
    });
    task.handle().wait();
    assert!(task.handle().is_failed());
    for outcome in [told.try_recv().expect("each callback is called"), told_now(&task)] {
        assert_eq!(outcome.unwrap_err().kind(), TaskErrorKind::Lost);
    }
    assert!(task.outcome().is_some_and(|outcome| outcome.is_err()));
    let error = task.result_timeout(Duration::ZERO).unwrap().unwrap_err();
    assert!(error.message().contains("callback"), "{error}");
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Lost);
}

/// What a callback is told that is added now.
fn told_now(task: &Task<u32>) -> manyhands_executor::Outcome<u32> {
    let (tell, told) = std::sync::mpsc::channel();
    task.on_done(move |outcome| tell.send(outcome.clone()).unwrap());
    told.try_recv().expect("it is called at once")
}

#[test]
fn one_whose_callback_is_suspended_keeps_its_error() {
    let task = left_by(|| {
        let task = spawn_local(|| std::panic::resume_unwind(Box::new("as a test asked for")));
        task.on_done(|_| sleep(LONG));
        yield_now();
        task
    });
    assert!(told_now(&task).unwrap_err().is_panicked());
    assert!(task.result().unwrap_err().is_panicked());
}

#[test]
fn whoever_waits_already_is_told_of_a_callback_that_is_suspended() {
    let (send, receive) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let task = spawn_local(|| 6);
        task.on_done(|_| sleep(LONG));
        yield_now();
        send.send(task).unwrap();
        // Until somebody waits, or for a while: then it is as in the tests above.
        sleep(Duration::from_millis(50));
    });
    let task: Task<u32> = receive.recv().unwrap();
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Lost);
    thread.join().unwrap();
}

#[test]
fn a_task_that_another_thread_is_about_to_end_is_left_to_that() {
    struct WaitsInDrop;
    impl Drop for WaitsInDrop {
        fn drop(&mut self) {
            sleep(LONG);
        }
    }
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let (send, receive) = std::sync::mpsc::channel();
    let canceller = thread::spawn(move || {
        let handle: manyhands_executor::TaskHandle = receive.recv().unwrap();
        handle.cancel();
    });
    let task = left_by(move || {
        let kept = WaitsInDrop;
        let task = spawn_local(move || {
            drop(kept);
            7
        });
        task.on_done(move |_| {
            begun.send(()).unwrap();
            may_go.recv().unwrap();
        });
        send.send(task.handle()).unwrap();
        has_begun.recv().unwrap();
        yield_now(); // the job finds that it is not to run, and drops its closure, which sleeps
        task
    });
    assert!(task.is_cancelled());
    assert!(task.wait_timeout(Duration::from_millis(20)).is_err(), "its callback is not through");
    go.send(()).unwrap();
    canceller.join().unwrap();
    assert!(task.result().unwrap_err().is_cancelled());
}
