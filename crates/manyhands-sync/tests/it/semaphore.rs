//! `Semaphore` from outside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use manyhands_sync::{AsyncPermit, OwnedPermit, Semaphore};
use manyhands_wait::{CancelToken, TimedOut, timeout, with_cancel_token};

use crate::patience::{LONG, eventually};
use crate::polling::ByHand;

/// Follows CPython's `BaseSemaphoreTests.test_acquire_contended`: exact counts at each moment.
#[test]
fn acceptance_110_exact_contended_counts() {
    let semaphore = Semaphore::unbounded(7);
    let passed = AtomicUsize::new(0);
    semaphore.acquire().forget();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                semaphore.acquire().forget();
                passed.fetch_add(1, Ordering::SeqCst);
            });
        }
        for (released, expected) in [(0, 6), (1, 7), (2, 9)] {
            semaphore.release(released).unwrap();
            eventually("as many pass", || passed.load(Ordering::SeqCst) == expected);
            eventually("the others wait", || semaphore.waiting() == 10 - expected);
            assert_eq!(semaphore.available(), 0);
        }
        assert!(semaphore.try_acquire().is_none());
        semaphore.release(1).unwrap();
    });
    assert_eq!(passed.load(Ordering::SeqCst), 10);
    let statistics = semaphore.statistics();
    assert_eq!((statistics.acquired, statistics.waiting), (11, 0));
}

/// Follows CPython's `BaseSemaphoreTests.test_multirelease`.
#[test]
fn acceptance_110_release_of_several_at_once() {
    let semaphore = Semaphore::unbounded(0);
    let waiting: Vec<_> = (0..5).map(|_| ByHand::pending(semaphore.acquire_async())).collect();
    semaphore.release(3).unwrap();
    assert_eq!(waiting.iter().filter(|future| future.woken() == 1).count(), 3);
    semaphore.release(2).unwrap();
    waiting.into_iter().for_each(|future| future.ready().forget());
    assert_eq!(semaphore.available(), 0);
    semaphore.release(usize::MAX).unwrap();
    let error = semaphore.release(1).unwrap_err();
    assert_eq!(error.most(), 0);
    assert!(error.to_string().contains("it can count only 0 more"), "{error}");
}

/// Follows CPython's `BaseSemaphoreTests.test_acquire_timeout` and `test_try_acquire`.
#[test]
fn acceptance_110_timeouts_and_tries() {
    let semaphore = Semaphore::new(2);
    let first = semaphore.try_acquire().unwrap();
    let second = semaphore.acquire_timeout(Duration::from_millis(5)).unwrap();
    assert!(semaphore.try_acquire().is_none());
    let limit = Duration::from_millis(5);
    assert!(matches!(semaphore.acquire_timeout(limit), Err(TimedOut)));
    assert!(matches!(semaphore.acquire_timeout(Duration::ZERO), Err(TimedOut)));
    assert_eq!(semaphore.waiting(), 0);
    drop(first);
    assert!(semaphore.acquire_timeout(LONG).is_ok());
    drop(second);
    assert_eq!(semaphore.available(), 2);
}

/// Follows CPython's `BoundedSemaphoreTests.test_release_unacquired`.
#[test]
fn acceptance_111_bounded_over_release_is_an_error() {
    let semaphore = Semaphore::named("lanes", 2);
    assert!(semaphore.release(1).is_err());
    let held = semaphore.acquire();
    assert!(semaphore.release(1).is_err(), "the guard's permit is not to be released by others");
    semaphore.acquire().forget();
    assert_eq!(semaphore.available(), 0);
    let error = semaphore.release(2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "semaphore 'lanes': 2 permits were released, but of its 2 only 1 had been forgotten; permits \
         of guards come back by themselves, and only `Semaphore::unbounded` takes additional ones"
    );
    assert_eq!((error.most(), semaphore.available()), (1, 0));
    semaphore.release(1).unwrap();
    drop(held);
    assert_eq!(semaphore.available(), 2);
    assert!(semaphore.release(1).is_err());
}

#[test]
fn a_panic_gives_permits_back() {
    let semaphore = Semaphore::new(1);
    let panics = || {
        let _permit = semaphore.acquire();
        panic!("while holding it");
    };
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn at_most_so_many_hold_permits_at_a_time() {
    let semaphore = Semaphore::new(3);
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (semaphore, inside, most) = (&semaphore, &inside, &most);
            scope.spawn(move || {
                for round in 0..500 {
                    let permits = 1 + (thread + round) % 3;
                    let permit = semaphore.acquire_many(permits);
                    let now = inside.fetch_add(permits, Ordering::SeqCst) + permits;
                    most.fetch_max(now, Ordering::SeqCst);
                    assert!(now <= 3);
                    inside.fetch_sub(permit.permits(), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(semaphore.available(), 3);
    assert_eq!(semaphore.statistics().acquired, 8 * 500);
}

#[test]
fn first_come_first_served_whatever_each_wants() {
    let semaphore = Semaphore::new(3);
    let held = semaphore.acquire();
    let many = ByHand::pending(semaphore.acquire_many_async(3));
    let few = ByHand::pending(semaphore.acquire_async());
    // Two are free, and still nobody overtakes the one that wants three.
    assert_eq!(semaphore.available(), 2);
    assert!(semaphore.try_acquire().is_none());
    assert!(semaphore.acquire_timeout(Duration::from_millis(1)).is_err());
    drop(held);
    let many = many.ready();
    assert_eq!((many.permits(), few.woken()), (3, 0));
    drop(many);
    drop(few.ready());
    assert_eq!(semaphore.available(), 3);
}

#[test]
fn who_wants_many_is_served_while_others_come_and_go() {
    let semaphore = Semaphore::new(2);
    let served = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while served.load(Ordering::SeqCst) < 100 {
                    drop(semaphore.acquire());
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..100 {
                drop(semaphore.acquire_many(2));
                served.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
}

#[test]
fn a_wait_that_is_given_up_makes_way_for_those_behind() {
    let semaphore = Semaphore::new(2);
    let held = semaphore.acquire();
    let many = ByHand::pending(semaphore.acquire_many_async(2));
    let few = ByHand::pending(semaphore.acquire_async());
    drop(many);
    assert_eq!(few.woken(), 1);
    drop((few.ready(), held));

    let held = semaphore.acquire_many(2);
    let token = CancelToken::new();
    std::thread::scope(|scope| {
        let waits = || with_cancel_token(&token, || drop(semaphore.acquire_many(2)));
        let cancelled = scope.spawn(waits);
        eventually("it waits", || semaphore.waiting() == 1);
        let few = ByHand::pending(semaphore.acquire_async());
        token.cancel();
        assert!(cancelled.join().unwrap().is_err());
        drop(held);
        drop(few.ready());
    });
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn permits_granted_to_a_wait_that_is_dropped_go_to_the_next() {
    let semaphore = Semaphore::new(2);
    let held = semaphore.acquire_many(2);
    let first = ByHand::pending(semaphore.acquire_many_async(2));
    let second = ByHand::pending(semaphore.acquire_async());
    let third = ByHand::pending(semaphore.acquire_async());
    drop(held);
    assert_eq!((first.woken(), second.woken()), (1, 0));
    drop(first);
    drop((second.ready(), third.ready()));
    assert_eq!(semaphore.available(), 2);
    let held = semaphore.acquire_many(2);
    assert!(timeout(Duration::from_millis(5), || drop(semaphore.acquire())).is_err());
    drop(held);
    assert_eq!((semaphore.available(), semaphore.waiting()), (2, 0));
}

#[test]
fn permits_may_be_sent_and_outlive_the_semaphore() {
    let semaphore = Semaphore::new(3);
    let owned: OwnedPermit = semaphore.acquire_many(2).into_owned();
    let other = ByHand::new(semaphore.acquire_async()).ready().into_owned();
    assert_eq!((owned.permits(), semaphore.available()), (2, 0));
    std::thread::spawn(move || drop(owned)).join().unwrap();
    assert_eq!(semaphore.available(), 2);
    other.forget();
    assert_eq!(semaphore.available(), 2);
    semaphore.release(1).unwrap();
    let last = semaphore.acquire().into_owned();
    drop(semaphore);
    drop(last);
}

#[test]
fn zero_permits_are_there_at_once_even_if_others_wait() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.acquire();
    let _waits = ByHand::pending(semaphore.acquire_async());
    assert_eq!(semaphore.acquire_many(0).permits(), 0);
    assert_eq!(ByHand::new(semaphore.acquire_many_async(0)).ready().permits(), 0);
    drop(held);
}

#[test]
fn more_permits_than_there_ever_are_is_refused_at_once() {
    let semaphore = Semaphore::named("lanes", 2);
    assert!(semaphore.try_acquire_many(3).is_none());
    let asked = catch_unwind(AssertUnwindSafe(|| drop(semaphore.acquire_many(3))));
    let message = *asked.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(
        message,
        "semaphore 'lanes': 3 permits were asked for, and it never has more than 2: that wait could \
         not end"
    );
    let asked = catch_unwind(AssertUnwindSafe(|| drop(semaphore.acquire_many_async(3))));
    assert!(asked.is_err());
    // Of an unbounded one there may be as many later.
    let unbounded = Semaphore::unbounded(2);
    let waits = ByHand::pending(unbounded.acquire_many_async(3));
    unbounded.release(1).unwrap();
    assert_eq!(waits.ready().permits(), 3);
}

#[test]
fn a_static_semaphore_is_made_when_it_is_used() {
    static LANES: Semaphore = Semaphore::new(1);
    let permit: AsyncPermit<'static> = ByHand::new(LANES.acquire_async()).ready();
    assert_eq!(LANES.available(), 0);
    drop(permit);
    assert_eq!((LANES.available(), LANES.name()), (1, None));
}

#[test]
fn debug_tells_name_permits_and_holders() {
    let semaphore = Arc::new(Semaphore::named("lanes", 3));
    let _held = semaphore.acquire();
    let shown = format!("{semaphore:?}");
    let expected =
        "Semaphore { name: \"lanes\", permits: 3, available: 2, waiting: 0, holders: [\"thread '";
    assert!(shown.starts_with(expected), "{shown}");
    let shown = format!("{:?}", semaphore.acquire_many(2));
    assert_eq!(shown, "Permit { of: semaphore 'lanes', permits: 2 }");
}
