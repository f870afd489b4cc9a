//! Locks that are asked for by their holders, and what is known of who waits.

use std::sync::Barrier;
use std::time::Duration;

use crate::manager::line_tests::{eventually, line};
use crate::manager::{ManagedLock, Manager, ManagerError, ManagerErrorKind, managed_locks};

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

/// Two threads, each of which has one of the locks and asks for the other one; what came of it.
fn crosswise(first: [ManagedLock; 2], second: [ManagedLock; 2]) -> [Result<(), ManagerError>; 2] {
    let both_have_one = Barrier::new(2);
    let take = |[has, wants]: [ManagedLock; 2]| {
        let _guard = has.lock().unwrap();
        both_have_one.wait();
        wants.lock().map(drop)
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| take(second));
        [take(first), second.join().unwrap()]
    })
}

fn one_of_them_is_told(outcomes: &[Result<(), ManagerError>; 2]) {
    let errors: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(errors.len(), 1, "one victim, and the other one goes on: {outcomes:?}");
    assert!(errors[0].is_would_deadlock(), "{errors:?}");
    let report = errors[0].message();
    assert!(report.contains("managed lock 'debit'"), "{report}");
    assert!(report.contains("managed lock 'credit'"), "{report}");
    let places = report.matches("lock/tests.rs").count();
    assert_eq!(places, 4, "where each of them waits, and has taken what it holds: {report}");
}

#[test]
fn two_that_wait_crosswise_for_each_other_are_found_wherever_they_are() {
    let manager = Manager::new();
    let (debit, credit) = (manager.lock_named("debit"), manager.lock_named("credit"));
    let (one, other) = (line(), line());
    for _ in 0..20 {
        // Both in other processes.
        let first = [debit.over(&one), credit.over(&one)];
        let second = [credit.over(&other), debit.over(&other)];
        one_of_them_is_told(&crosswise(first, second));
        // One of them here.
        let first = [debit.clone(), credit.clone()];
        let second = [credit.over(&other), debit.over(&other)];
        one_of_them_is_told(&crosswise(first, second));
        // Both of them here.
        let (first, second) = ([debit.clone(), credit.clone()], [credit.clone(), debit.clone()]);
        one_of_them_is_told(&crosswise(first, second));
    }
}

#[test]
fn whoever_may_leave_or_be_released_by_others_is_in_no_deadlock() {
    let manager = Manager::new();
    let (debit, credit) = (manager.lock_named("debit"), manager.lock_named("credit"));
    let there = line();
    let guard = debit.over(&there).lock().unwrap();
    let elsewhere = credit.lock().unwrap().into_owned();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| debit.lock().map(drop));
        eventually(|| debit.situation().unwrap().waiters.len() == 1);
        let in_time = credit.over(&there).lock_timeout(Duration::from_millis(20)).unwrap();
        assert!(in_time.is_none(), "a wait with an end has ended");
        drop(elsewhere);
        drop(guard);
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
}
