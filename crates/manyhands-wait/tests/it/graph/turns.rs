//! Tasks of an executor that polls one at a time: what one of them holds is not released while another one
//! blocks their thread.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{
    Agent, ContextKind, Deadlock, LayerTask, SerialExecutor, TaskLabel, Tracked, WaitError, dump,
    tracked, tracked_for, wait,
};

use super::baton::Baton;
use crate::patience::eventually;

/// A task that takes `baton` and keeps it, while it awaits something that the graph does not know.
fn keeps(baton: &Arc<Baton>) -> Pin<Box<Tracked<impl Future<Output = ()> + use<>>>> {
    let baton = Arc::clone(baton);
    Box::pin(
        tracked(async move {
            let _held = baton.take_async().await.unwrap();
            pending::<()>().await;
        })
        .named("patient"),
    )
}

fn poll<F: Future>(task: &mut Pin<Box<F>>) -> Poll<F::Output> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a task whose whole code is `code` in a turn of `executor`.
fn in_turn<R>(executor: &SerialExecutor, code: impl FnOnce() -> R) -> R {
    let mut task = Box::pin(tracked(async { code() }).named("blocking"));
    match executor.poll(|| poll(&mut task)) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it awaits nothing"),
    }
}

/// Runs `blocks`, which waits for `baton`; as soon as that is seen, `then` has to let it go on.
fn while_blocked<R: Send>(
    baton: &str,
    blocks: impl FnOnce() -> R + Send,
    then: impl FnOnce(),
) -> R {
    std::thread::scope(|scope| {
        let blocked = scope.spawn(blocks);
        let waits = format!("for baton '{baton}'");
        eventually("it waits", || blocked.is_finished() || dump().to_string().contains(&waits));
        // It looks from time to time: nothing is found then either.
        std::thread::sleep(Duration::from_millis(60));
        assert!(!blocked.is_finished(), "nothing is proven");
        then();
        blocked.join().unwrap()
    })
}

#[test]
fn what_a_task_holds_across_an_await_is_not_released_while_its_thread_is_blocked() {
    let (baton, executor) = (Baton::new("kept"), SerialExecutor::new("serial"));
    let mut patient = keeps(&baton);
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    let deadlock = in_turn(&executor, || baton.take_checked().map(drop)).unwrap_err();
    let text = deadlock.to_string();
    for part in [
        "2 contexts wait for each other",
        "async runtime 'serial' waits for baton 'kept' at ",
        "held by async task 'patient' since ",
        "async task 'patient' waits for its turn to be polled at an `.await`, which is held by async \
         runtime 'serial'",
    ] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
    assert_eq!(deadlock.victim(), Some(executor.agent()));
    assert_eq!(deadlock.participants().next().unwrap().kind(), ContextKind::AsyncRuntime);
    // The victim has gone on, and the other one has its turns again.
    drop(patient);
    assert!(in_turn(&executor, || baton.take_checked().is_ok()));
}

#[test]
fn through_a_thread_that_waits_for_the_task() {
    let (kept, other) = (Baton::new("kept by a task"), Baton::new("a thread's"));
    let executor = SerialExecutor::new("serial");
    let mut patient = keeps(&kept);
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    let held = other.take();
    // This thread has what the blocked one wants, and wants what the pending task has.
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| in_turn(&executor, || other.take_checked().map(drop)));
        eventually("it waits", || dump().to_string().contains("for baton 'a thread's'"));
        let result = kept.take_checked();
        let deadlock = result.unwrap_err();
        assert_eq!(deadlock.participants().len(), 3, "{deadlock}");
        drop(held);
        assert!(blocked.join().unwrap().is_ok());
    });
}

#[test]
fn a_task_that_awaits_a_known_thing_needs_its_turn_besides() {
    // `patient` holds one thing and awaits another, which is free by now: only its turn is missing.
    let (kept, awaited) = (Baton::new("kept in order"), Baton::new("awaited"));
    let executor = SerialExecutor::new("serial");
    let before = awaited.take();
    let mut patient = Box::pin(tracked(async {
        let _kept = kept.take_async().await.unwrap();
        awaited.take_async().await.map(drop)
    }));
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    drop(before);
    assert!(in_turn(&executor, || kept.take_checked().map(drop)).is_err());
    assert!(executor.poll(|| poll(&mut patient)).is_ready());
}

#[test]
fn what_passes_to_a_task_while_the_thread_is_blocked_is_found_too() {
    let baton = Baton::new("handed over");
    let executor = SerialExecutor::new("serial");
    let agent: Arc<Mutex<Option<Agent>>> = Arc::default();
    let mut heir = {
        let agent = Arc::clone(&agent);
        Box::pin(tracked(async move {
            *agent.lock().unwrap() = Agent::current_async();
            pending::<()>().await
        }))
    };
    assert!(executor.poll(|| poll(&mut heir)).is_pending());
    let heir_agent = agent.lock().unwrap().unwrap();
    std::mem::forget(baton.take());
    let result = std::thread::scope(|scope| {
        let blocked = scope.spawn(|| in_turn(&executor, || baton.take_checked().map(drop)));
        eventually("it waits", || dump().to_string().contains("for baton 'handed over'"));
        baton.hand_to(heir_agent);
        blocked.join().unwrap()
    });
    assert!(result.is_err());
    baton.release();
}

#[test]
fn a_task_that_was_polled_elsewhere_may_be_polled_by_anybody() {
    let (baton, executor) = (Baton::new("kept elsewhere"), SerialExecutor::new("serial"));
    let mut patient = keeps(&baton);
    assert!(poll(&mut patient).is_pending());
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    let blocks = || in_turn(&executor, || baton.take_checked().is_ok());
    assert!(while_blocked("kept elsewhere", blocks, || drop(patient)));

    let mut patient = keeps(&baton);
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    assert!(poll(&mut patient).is_pending());
    let blocks = || in_turn(&executor, || baton.take_checked().is_ok());
    assert!(while_blocked("kept elsewhere", blocks, || drop(patient)));
}

#[test]
fn a_task_of_another_executor_goes_on() {
    let baton = Baton::new("kept by another's");
    let (one, other) = (SerialExecutor::new("one"), SerialExecutor::new("other"));
    let mut patient = keeps(&baton);
    assert!(one.poll(|| poll(&mut patient)).is_pending());
    let blocks = || in_turn(&other, || baton.take_checked().is_ok());
    assert!(while_blocked("kept by another's", blocks, || drop(patient)));
}

#[test]
fn a_task_inside_of_another_task_is_polled_by_that_one() {
    // As a future in a `join!`: its turn is not the executor's.
    let (baton, executor) = (Baton::new("kept inside"), SerialExecutor::new("serial"));
    let mut inner = keeps(&baton);
    in_turn(&executor, || assert!(poll(&mut inner).is_pending()));
    let blocks = || in_turn(&executor, || baton.take_checked().is_ok());
    assert!(while_blocked("kept inside", blocks, || drop(inner)));
}

#[test]
fn a_thread_that_is_blocked_outside_of_a_turn_stops_nobody() {
    let (baton, executor) = (Baton::new("kept on"), SerialExecutor::new("serial"));
    let mut patient = keeps(&baton);
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    let blocks = || wait(tracked(async { baton.take_checked().is_ok() }));
    assert!(while_blocked("kept on", blocks, || drop(patient)));
}

#[test]
fn a_wait_with_an_end_in_time_gives_the_turn_back() {
    let (baton, executor) = (Baton::new("kept for long"), SerialExecutor::new("serial"));
    let mut patient = keeps(&baton);
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    let until = Instant::now() + Duration::from_millis(60);
    let ended = in_turn(&executor, || baton.take_until(Some(until)).map(drop));
    assert!(matches!(ended, Err(WaitError::TimedOut)), "{ended:?}");
}

#[test]
fn the_task_is_told_that_it_needs_its_turn() {
    struct Told(Arc<Mutex<Vec<Option<Agent>>>>);
    impl LayerTask for Told {
        fn label(&self) -> TaskLabel {
            TaskLabel { id: 0, name: None }
        }
        fn set_waiting(&self, agent: Option<Agent>) {
            self.0.lock().unwrap().push(agent);
        }
    }
    let told: Arc<Mutex<Vec<Option<Agent>>>> = Arc::default();
    let executor = SerialExecutor::new("serial");
    let mut task = Box::pin(tracked_for(Told(Arc::clone(&told)), pending::<()>()));
    for _ in 0..3 {
        assert!(executor.poll(|| poll(&mut task)).is_pending());
    }
    assert_eq!(*told.lock().unwrap(), [Some(executor.agent())]);
    // Polled elsewhere, it needs none.
    assert!(poll(&mut task).is_pending());
    assert!(executor.poll(|| poll(&mut task)).is_pending());
    assert_eq!(*told.lock().unwrap(), [Some(executor.agent()), None]);
}

#[test]
fn a_poll_inside_of_a_poll_is_part_of_that() {
    let (baton, executor) = (Baton::new("kept twice"), SerialExecutor::new("serial"));
    let mut patient = keeps(&baton);
    assert!(executor.poll(|| poll(&mut patient)).is_pending());
    let result: Result<(), Deadlock> =
        executor.poll(|| in_turn(&executor, || baton.take_checked().map(drop)));
    assert!(result.is_err());
    assert!(!executor.is_blocked());
}
