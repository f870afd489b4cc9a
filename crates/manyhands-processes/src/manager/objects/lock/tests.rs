//! Locks that are asked for by their holders, and what is known of who waits.

use std::time::Duration;

use crate::manager::line_tests::{eventually, line};
use crate::manager::{Manager, ManagerErrorKind, managed_locks};

/// Nothing that works takes so long.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn whoever_asks_for_its_own_lock_again_is_told() {
    let manager = Manager::new();
    let here = manager.lock_named("accounts");
    for lock in [here.clone(), here.over(&line())] {
        let guard = lock.lock().unwrap();
        let error = lock.lock().unwrap_err();
        assert!(error.is_would_deadlock(), "{error:?}");
        assert_eq!(error.kind(), ManagerErrorKind::WouldDeadlock);
        assert!(error.message().contains("\"accounts\""), "{error}");
        assert!(error.message().matches("lock/tests.rs").count() == 2, "both places: {error}");
        assert!(lock.lock_timeout(LONG).unwrap_err().is_would_deadlock());
        assert!(lock.try_lock().unwrap().is_none(), "trying is allowed");
        drop(guard);
        drop(lock.lock().expect("it is free again"));
    }
}

#[test]
fn a_guard_that_can_be_released_elsewhere_is_waited_for() {
    let manager = Manager::new();
    let here = manager.lock();
    for lock in [here.clone(), here.over(&line())] {
        let guard = lock.lock().unwrap().into_owned();
        let again = lock.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                eventually(|| !again.situation().unwrap().waiters.is_empty());
                drop(guard);
            });
            drop(lock.lock().unwrap());
        });
    }
}

#[test]
fn another_thread_of_the_same_process_is_somebody_else() {
    let manager = Manager::new();
    let here = manager.lock();
    let there = here.over(&line());
    let guard = there.lock().unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| there.lock().map(drop));
        eventually(|| here.situation().unwrap().waiters.len() == 1);
        drop(guard);
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
}

#[test]
fn holder_and_waiters_are_known_by_name_and_place() {
    let manager = Manager::new();
    let lock = manager.lock_named("ledger");
    let there = lock.over(&line());
    let guard = lock.lock().unwrap();
    std::thread::scope(|scope| {
        let waiter = std::thread::Builder::new().name("waiter".to_owned());
        waiter.spawn_scoped(scope, || drop(there.lock().unwrap())).unwrap();
        let seen = || managed_locks().into_iter().find(|seen| seen.lock == lock.id()).unwrap();
        eventually(|| !seen().waiters.is_empty());
        let seen = seen();
        assert_eq!(there.situation(), Ok(seen.clone()), "the same from everywhere");
        assert_eq!(seen.name.as_deref(), Some("ledger"));
        let (holder, waiter) = (seen.holder.unwrap(), &seen.waiters[0]);
        assert_eq!(holder.process(), std::process::id());
        assert_eq!(holder.context(), manyhands_wait::Context::current().id());
        assert_eq!(waiter.context_name(), "waiter");
        assert!(waiter.file().ends_with("lock/tests.rs") && waiter.line() > holder.line());
        drop(guard);
    });
}

#[tokio::test]
async fn a_task_that_asks_again_waits_as_long_as_it_wants() {
    let manager = Manager::new();
    let lock = manager.lock();
    let guard = lock.lock_async().await.unwrap();
    let again = tokio::time::timeout(Duration::from_millis(1), lock.lock_async()).await;
    assert!(again.is_err(), "it waits, and gives up");
    drop(guard);
    drop(lock.lock_async().await.unwrap());
}
