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
