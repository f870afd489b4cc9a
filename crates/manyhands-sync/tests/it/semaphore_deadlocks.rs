//! What the wait-for graph proves about semaphores, and what it does not.

use std::time::Duration;

use manyhands_sync::{Mutex, Semaphore};
use manyhands_wait::{Deadlock, tracked};

use crate::patience::{Gate, eventually};
use crate::polling::ByHand;

#[track_caller]
fn assert_tells(deadlock: &Deadlock, words: &[&str]) {
    let report = deadlock.to_string();
    for word in words {
        assert!(report.contains(word), "no {word:?} in: {report}");
    }
}

#[test]
fn the_only_holder_asks_for_another_permit() {
    let semaphore = Semaphore::named("lanes", 1);
    let held = semaphore.acquire();
    let deadlock = semaphore.acquire_checked().unwrap_err();
    assert_tells(&deadlock, &["semaphore 'lanes'", "semaphore_deadlocks.rs", "waits for itself"]);
    assert_eq!(semaphore.waiting(), 0);
    drop(held);
    assert_eq!(semaphore.available(), 1);
    let _held = semaphore.acquire();
    let raised = std::panic::catch_unwind(|| drop(semaphore.acquire()));
    assert!(raised.unwrap_err().is::<Deadlock>());
}

#[test]
fn two_holders_of_two_permits_each_wait_for_another_one() {
    let semaphore = Semaphore::new(2);
    let gate = Gate::default();
    let results: Vec<Result<(), Deadlock>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let _one = semaphore.acquire();
                    gate.pass();
                    semaphore.acquire_checked().map(drop)
                })
            })
            .collect();
        eventually("both hold one", || semaphore.available() == 0);
        gate.open();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // One wait was ended, and by that the other one could go on.
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1, "{results:?}");
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn who_needs_all_permits_is_stuck_with_one_of_the_holders() {
    let semaphore = Semaphore::new(3);
    let (gate, fork) = (Gate::default(), Mutex::named("fork", ()));
    std::thread::scope(|scope| {
        // Runs for as long as it takes, and holds one.
        let runs = scope.spawn(|| {
            let _one = semaphore.acquire();
            gate.pass();
        });
        let wants_the_fork = scope.spawn(|| {
            let _one = semaphore.acquire();
            eventually("the other has the fork", || fork.is_locked());
            let result = fork.lock_checked().map(drop);
            gate.open();
            result
        });
        eventually("two are held", || semaphore.available() == 1);
        let locked = fork.lock();
        let wants_all = semaphore.acquire_many_checked(3).map(drop);
        drop(locked);
        let ends = [wants_all, wants_the_fork.join().unwrap()];
        let [deadlock] = &ends.iter().filter_map(|end| end.as_ref().err()).collect::<Vec<_>>()[..]
        else {
            panic!("one of the two waits is ended: {ends:?}")
        };
        assert_tells(deadlock, &["mutex 'fork'", "semaphore made at", "2 contexts"]);
        runs.join().unwrap();
    });
}

#[test]
fn who_waits_behind_others_is_stuck_with_whoever_is_in_front() {
    // One permit is free, but the first in the line wants two: nobody is served before it, so the
    // holder of the other one, behind it, waits for it.
    let semaphore = Semaphore::new(2);
    std::thread::scope(|scope| {
        let held = semaphore.acquire();
        let wants_both = scope.spawn(|| semaphore.acquire_many_checked(2).map(drop));
        eventually("it waits", || semaphore.waiting() == 1);
        let behind = semaphore.acquire_checked().map(drop);
        drop(held);
        let ends = [behind, wants_both.join().unwrap()];
        let [deadlock] = &ends.iter().filter_map(|end| end.as_ref().err()).collect::<Vec<_>>()[..]
        else {
            panic!("one of the two waits is ended: {ends:?}")
        };
        assert_tells(deadlock, &["2 contexts"]);
    });
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn waits_that_somebody_else_may_end_are_not_called_deadlocks() {
    let limit = Duration::from_millis(20);
    // Anybody may add permits.
    let unbounded = Semaphore::unbounded(1);
    let held = unbounded.acquire();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| {
            eventually("it waits", || unbounded.waiting() == 1);
            unbounded.release(1).unwrap();
        });
        unbounded.acquire_checked().unwrap().forget();
        waits.join().unwrap();
    });
    drop(held);

    // Anybody may give back what was forgotten, and anybody may drop an owned permit.
    for is_forgotten in [true, false] {
        let semaphore = Semaphore::new(2);
        let _held = semaphore.acquire();
        let permit = semaphore.acquire().into_owned();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                eventually("it waits", || semaphore.waiting() == 1);
                if is_forgotten {
                    permit.forget();
                    semaphore.release(1).unwrap();
                } else {
                    drop(permit);
                }
            });
            drop(semaphore.acquire_checked().unwrap());
        });
    }

    // Its own time ends it.
    let semaphore = Semaphore::new(1);
    let _held = semaphore.acquire();
    assert!(semaphore.acquire_timeout(limit).is_err());
}

#[test]
fn one_holder_that_runs_is_enough_to_go_on() {
    let semaphore = Semaphore::new(2);
    let gate = Gate::default();
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| {
            let _one = semaphore.acquire();
            gate.pass();
        });
        eventually("it holds one", || semaphore.available() == 1);
        let waits = scope.spawn(|| {
            let _one = semaphore.acquire();
            // The holders are this one, which waits, and the other one, which does not.
            semaphore.acquire_checked().map(drop)
        });
        eventually("it waits", || semaphore.waiting() == 1);
        gate.open();
        runs.join().unwrap();
        assert!(waits.join().unwrap().is_ok());
    });
}

#[test]
fn a_tracked_task_that_waits_for_itself_is_told() {
    let semaphore = Semaphore::named("lanes", 1);
    let mut task = ByHand::new(tracked(async {
        let _held = semaphore.acquire_async().await;
        semaphore.acquire_async_checked().await.map(drop)
    }));
    let deadlock = match task.poll() {
        std::task::Poll::Ready(ended) => ended,
        std::task::Poll::Pending => task.ready(),
    };
    assert_tells(&deadlock.unwrap_err(), &["semaphore 'lanes'", "async task"]);
    assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
}
