//! `Event` from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use manyhands_sync::Event;
use manyhands_wait::{CancelToken, TimedOut, timeout, with_cancel_token};

use crate::patience::{LONG, eventually};
use crate::polling::ByHand;

#[test]
fn a_new_event_is_not_set_and_can_be_set_and_cleared() {
    let event = Event::new();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event.wait();
    event.clear();
    event.clear();
    assert!(!event.is_set());
}

/// Follows CPython's `EventTests.test_notify`: N threads wait for it twice.
#[test]
fn set_lets_everybody_go_on_who_waits() {
    let (event, passed) = (Event::new(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                event.wait();
                event.wait_timeout(LONG).unwrap();
                passed.fetch_add(1, Ordering::SeqCst);
            });
        }
        eventually("five wait", || event.waiting() == 5);
        assert_eq!(passed.load(Ordering::SeqCst), 0);
        event.set();
    });
    assert_eq!(passed.load(Ordering::SeqCst), 5);
}

/// Follows CPython's `EventTests.test_timeout`.
#[test]
fn acceptance_106_false_on_timeout_and_true_when_set() {
    let event = Event::new();
    assert_eq!(event.wait_timeout(Duration::ZERO), Err(TimedOut));
    assert_eq!(event.wait_timeout(Duration::from_millis(5)), Err(TimedOut));
    assert_eq!(event.waiting(), 0);
    event.set();
    assert_eq!(event.wait_timeout(Duration::ZERO), Ok(()));
    assert_eq!(event.wait_timeout(LONG), Ok(()));
}

/// Follows CPython's `EventTests.test_set_and_clear`: the flag is gone before anybody has run.
#[test]
fn acceptance_106_wait_is_true_even_if_set_then_cleared_at_once() {
    let event = Event::new();
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let waiting: Vec<_> =
                (0..5).map(|_| scope.spawn(|| event.wait_timeout(LONG))).collect();
            eventually("five wait", || event.waiting() == 5);
            event.set();
            event.clear();
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap().is_ok()));
        });
        assert!(!event.is_set());
    }
    let mut waiting = ByHand::pending(event.wait_async());
    event.set();
    event.clear();
    let late = ByHand::pending(event.wait_async());
    assert!(waiting.poll().is_ready());
    assert_eq!(late.woken(), 0);
}

#[test]
fn each_waiter_is_woken_once() {
    let event = Event::new();
    let waiting: Vec<_> = (0..3).map(|_| ByHand::pending(event.wait_async())).collect();
    assert_eq!(event.waiting(), 3);
    event.set();
    event.set();
    assert_eq!(event.waiting(), 0);
    for future in waiting {
        assert_eq!(future.woken(), 1);
        future.ready();
    }
}

#[test]
fn a_wait_that_is_given_up_leaves_the_others() {
    let event = Event::new();
    let first = ByHand::pending(event.wait_async());
    let second = ByHand::pending(event.wait_async());
    let third = ByHand::pending(event.wait_async());
    drop(second);
    assert_eq!(event.waiting(), 2);
    event.set();
    // Granted, and never polled again.
    drop(first);
    third.ready();
}

#[test]
fn a_cancelled_wait_unwinds_and_leaves_nothing_behind() {
    let (event, token) = (Event::new(), CancelToken::new());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| with_cancel_token(&token, || event.wait()));
        eventually("it waits", || event.waiting() == 1);
        token.cancel();
        assert!(waiting.join().unwrap().is_err());
    });
    assert_eq!(event.waiting(), 0);
    assert!(timeout(Duration::from_millis(5), || event.wait()).is_err());
    assert_eq!(event.waiting(), 0);
}

/// The order of `clear`, look, `wait` that programs rely on: work that was left before `set` is found.
#[test]
fn work_left_before_set_is_found_after_clear() {
    const ROUNDS: usize = 20_000;
    let (event, left) = (Event::new(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                left.fetch_add(1, Ordering::Relaxed);
                event.set();
            }
        });
        let mut found = 0;
        while found < ROUNDS {
            event.clear();
            match left.swap(0, Ordering::Relaxed) {
                0 => event.wait_timeout(LONG).expect("work was left and the event not set"),
                some => found += some,
            }
        }
    });
}

#[test]
fn debug_tells_name_state_and_waiters() {
    let event = Arc::new(Event::named("ready"));
    assert_eq!(event.name(), Some("ready"));
    let _waiting = ByHand::pending(event.wait_async());
    assert_eq!(format!("{event:?}"), r#"Event { name: "ready", is_set: false, waiting: 1 }"#);
}
