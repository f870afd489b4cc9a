//! `Condvar` from outside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use manyhands_sync::{Condvar, Mutex};
use manyhands_wait::{CancelToken, TimedOut, timeout, with_cancel_token};

use crate::patience::{LONG, eventually};
use crate::polling::ByHand;

/// Follows CPython's `ConditionTests._check_notify`: each notification wakes exactly as many as it
/// says, those who have waited longest.
#[test]
fn acceptance_108_notify_wakes_exactly_the_right_waiters() {
    const WAITERS: usize = 10;
    let (mutex, condvar) = (Mutex::new(Vec::new()), Condvar::new());
    std::thread::scope(|scope| {
        for number in 0..WAITERS {
            let (mutex, condvar) = (&mutex, &condvar);
            scope.spawn(move || condvar.wait(mutex.lock()).push(number));
            eventually("it waits", || condvar.waiting() == number + 1);
        }
        let check = |woken: usize| {
            eventually("they have gone on", || mutex.lock().len() == woken);
            assert_eq!(condvar.waiting(), WAITERS - woken);
            let mut numbers = mutex.lock().clone();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..woken).collect::<Vec<_>>());
        };
        assert_eq!(condvar.notify_many(3), 3);
        check(3);
        assert_eq!(condvar.notify_many(5), 5);
        check(8);
        assert_eq!(condvar.notify_all(), 2);
        check(WAITERS);
        assert_eq!(condvar.notify_all(), 0);
        assert!(!condvar.notify_one());
        assert_eq!(condvar.notify_many(5), 0);
    });
}

#[test]
fn a_notification_is_not_kept_for_those_who_come_later() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    condvar.notify_all();
    condvar.notify_one();
    let (_guard, notified) = condvar.wait_timeout(mutex.lock(), Duration::from_millis(5));
    assert_eq!(notified, Err(TimedOut));
}

/// Follows CPython's `ConditionTests.test_timeout`.
#[test]
fn a_wait_whose_time_is_over_has_the_mutex_again() {
    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    let limit = Duration::from_millis(20);
    let began = Instant::now();
    let (guard, notified) = condvar.wait_timeout(mutex.lock(), limit);
    assert_eq!((*guard, notified), (1, Err(TimedOut)));
    assert!(began.elapsed() >= limit);
    assert!(mutex.try_lock().is_none());
    drop(guard);
    assert_eq!(condvar.waiting(), 0);
}

/// Follows CPython's `ConditionTests.test_waitfor`.
#[test]
fn wait_for_goes_on_when_the_condition_holds() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| *condvar.wait_for(mutex.lock(), |state| *state == 4));
        let contrary = scope.spawn(|| *condvar.wait_while(mutex.lock(), |state| *state != 4));
        for _ in 0..4 {
            *mutex.lock() += 1;
            condvar.notify_all();
        }
        assert_eq!(waiter.join().unwrap(), 4);
        assert_eq!(contrary.join().unwrap(), 4);
    });
}

/// Follows CPython's `ConditionTests.test_waitfor_timeout`.
#[test]
fn acceptance_109_wait_for_with_timeout() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let limit = Duration::from_millis(20);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3 {
                *mutex.lock() += 1;
                condvar.notify_one();
            }
        });
        let began = Instant::now();
        let (guard, held) = condvar.wait_for_timeout(mutex.lock(), limit, |state| *state == 4);
        assert_eq!(held, Err(TimedOut));
        assert!(*guard <= 3);
        assert!(began.elapsed() >= limit);
    });
    let (guard, held) = condvar.wait_for_timeout(mutex.lock(), LONG, |state| *state == 3);
    assert_eq!((*guard, held), (3, Ok(())));
}

#[test]
fn a_condition_that_came_true_unannounced_is_seen_when_the_time_is_over() {
    let (mutex, condvar) = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("it waits", || condvar.waiting() == 1);
            *mutex.lock() = true;
        });
        let limit = Duration::from_millis(200);
        let mut looked = 0;
        let (_guard, held) = condvar.wait_for_timeout(mutex.lock(), limit, |state| {
            looked += 1;
            *state || {
                // On a machine so slow that the time was over first, there is nothing to see.
                looked > 1
            }
        });
        assert_eq!(held, Ok(()));
    });
}

#[test]
fn the_mutex_is_free_while_a_context_waits_and_only_then() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let guard = ByHand::new(mutex.lock_async()).ready();
    let mut waiting = ByHand::pending(condvar.wait_async(guard));
    let held = mutex.lock();
    condvar.notify_one();
    assert!(waiting.poll().is_pending(), "it was notified, and the mutex is locked");
    drop(held);
    let guard = waiting.ready();
    assert!(mutex.try_lock().is_none());
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_notified_waiter_that_is_dropped_passes_the_notification_on() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let waits = || {
        let guard = ByHand::new(mutex.lock_async()).ready();
        ByHand::pending(condvar.wait_async(guard))
    };
    // Dropped before it has seen the notification.
    let (first, second, third) = (waits(), waits(), waits());
    assert!(condvar.notify_one());
    drop(first);
    assert_eq!((second.woken(), third.woken()), (1, 0));
    drop(second.ready());
    assert_eq!(condvar.waiting(), 1);
    drop(third);

    // Dropped while it waits for the mutex again.
    let (mut first, second, third) = (waits(), waits(), waits());
    let held = mutex.lock();
    assert!(condvar.notify_one());
    assert!(first.poll().is_pending());
    drop(first);
    assert_eq!((second.woken(), third.woken()), (1, 0));
    drop(held);
    drop(second.ready());
    assert_eq!(condvar.waiting(), 1);
    drop(third);

    // Of several notifications each is passed on.
    let (first, second, third, fourth) = (waits(), waits(), waits(), waits());
    assert_eq!(condvar.notify_many(2), 2);
    drop((first, second));
    drop((third.ready(), condvar.waiting()));
    drop(fourth.ready());
}

#[test]
fn what_all_have_got_is_not_passed_on() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let waits = || {
        let guard = ByHand::new(mutex.lock_async()).ready();
        ByHand::pending(condvar.wait_async(guard))
    };
    let early = waits();
    assert_eq!(condvar.notify_all(), 1);
    let late = waits();
    drop(early);
    assert_eq!((late.woken(), condvar.waiting()), (0, 1));
}

#[test]
fn a_cancelled_waiter_leaves_the_mutex_free_and_passes_its_notification_on() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    for is_notified in [false, true] {
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            let cancelled =
                scope.spawn(|| with_cancel_token(&token, || drop(condvar.wait(mutex.lock()))));
            eventually("it waits", || condvar.waiting() == 1);
            let next = scope.spawn(|| drop(condvar.wait(mutex.lock())));
            eventually("both wait", || condvar.waiting() == 2);
            if is_notified {
                // It cannot lock the mutex again before it is cancelled.
                let held = mutex.lock();
                condvar.notify_one();
                assert_eq!(condvar.waiting(), 1);
                token.cancel();
                assert!(cancelled.join().unwrap().is_err());
                eventually("it was passed on", || condvar.waiting() == 0);
                drop(held);
            } else {
                token.cancel();
                assert!(cancelled.join().unwrap().is_err());
                assert_eq!(condvar.waiting(), 1);
                condvar.notify_one();
            }
            next.join().unwrap();
        });
        assert!(mutex.try_lock().is_some());
        assert!(!mutex.is_poisoned());
    }
    assert!(timeout(Duration::from_millis(5), || drop(condvar.wait(mutex.lock()))).is_err());
    assert_eq!(condvar.waiting(), 0);
}

#[test]
fn a_panic_of_the_condition_releases_the_mutex() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let panics = || drop(condvar.wait_for(mutex.lock(), |()| panic!("cannot tell")));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(mutex.try_lock().is_some());
}

/// Items handed over one notification each: threads and futures that now and then give up lose none.
#[test]
fn no_notification_is_lost_to_those_who_give_up() {
    const ITEMS: usize = 2_000;
    let (mutex, condvar) = (Mutex::new(0usize), Condvar::new());
    let taken = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for consumer in 0..3 {
            let (mutex, condvar, taken) = (&mutex, &condvar, &taken);
            scope.spawn(move || {
                for round in 0usize.. {
                    let patience = Duration::from_micros(((round * 7 + consumer) % 5) as u64 * 50);
                    let took = timeout(patience, || {
                        *condvar.wait_for(mutex.lock(), |items| *items > 0) -= 1;
                        taken.fetch_add(1, Ordering::SeqCst);
                    });
                    if took.is_err() && taken.load(Ordering::SeqCst) == ITEMS {
                        return;
                    }
                }
            });
        }
        // Never gives up, and is notified once for each item that the others have not taken.
        for _ in 0..ITEMS {
            *mutex.lock() += 1;
            condvar.notify_one();
        }
        eventually("all items are taken", || taken.load(Ordering::SeqCst) == ITEMS);
    });
    assert_eq!(*mutex.lock(), 0);
}

#[test]
fn debug_tells_name_and_waiters() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::named("door opens"));
    let guard = ByHand::new(mutex.lock_async()).ready();
    let _waiting = ByHand::pending(condvar.wait_async(guard));
    assert_eq!(condvar.name(), Some("door opens"));
    assert_eq!(format!("{condvar:?}"), r#"Condvar { name: "door opens", waiting: 1 }"#);
}
