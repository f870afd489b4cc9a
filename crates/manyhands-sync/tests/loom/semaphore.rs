//! The semaphore: permits are neither lost nor doubled, whoever gives up when.
//!
//! The semaphores have names, so that all of them is there before the threads are.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::sync::Arc;
use loom::thread;
use manyhands_sync::Semaphore;

use super::{Counter, model_bounded};

/// Three for one permit: whoever has it sees what the one before has done.
#[test]
fn a_permit_goes_from_one_to_the_next() {
    model_bounded(2, || {
        let shared = Arc::new((Semaphore::named("stove", 1), Counter::new()));
        let cook = |shared: &(Semaphore, Counter)| {
            let _permit = shared.0.acquire();
            shared.1.add_one();
        };
        let others = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || cook(&shared))
        });
        cook(&shared);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!((shared.0.available(), shared.1.get()), (1, 3));
    });
}

/// One wants all permits and others want one: nobody is left behind, in whatever order they come.
#[test]
fn who_wants_many_and_who_wants_few_all_get_theirs() {
    model_bounded(2, || {
        let stoves = Arc::new(Semaphore::named("stoves", 2));
        let others = [2, 1].map(|many| {
            let stoves = Arc::clone(&stoves);
            thread::spawn(move || drop(stoves.acquire_many(many)))
        });
        drop(stoves.acquire());
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(stoves.available(), 2);
    });
}

/// A future that is dropped, whether it waits or has been granted, keeps no permit and stands in nobody's
/// way: neither with what it got nor with how many it wanted.
#[test]
fn a_wait_that_is_given_up_leaves_its_permits_to_the_next() {
    for wanted in [1, 2] {
        model_bounded(2, move || {
            let stoves = Arc::new(Semaphore::named("stoves", 2));
            let cook = stoves.acquire_many(wanted);
            let gives_up = thread::spawn({
                let stoves = Arc::clone(&stoves);
                move || {
                    let mut wait = pin!(stoves.acquire_many_async(2));
                    let mut cx = Context::from_waker(Waker::noop());
                    (0..2).any(|_| wait.as_mut().poll(&mut cx).is_ready())
                }
            });
            let waits = thread::spawn({
                let stoves = Arc::clone(&stoves);
                move || drop(stoves.acquire())
            });
            drop(cook);
            waits.join().unwrap();
            gives_up.join().unwrap();
            assert_eq!(stoves.available(), 2);
        });
    }
}

/// The same without anybody who gives permits back later: only the one that gives up can let the other in.
#[test]
fn who_wanted_too_many_and_gives_up_lets_the_next_in() {
    model_bounded(3, || {
        let stoves = Arc::new(Semaphore::named("stoves", 2));
        let _cook = stoves.acquire();
        let gives_up = thread::spawn({
            let stoves = Arc::clone(&stoves);
            move || {
                let mut wait = pin!(stoves.acquire_many_async(2));
                assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
        });
        drop(stoves.acquire());
        gives_up.join().unwrap();
        assert_eq!(stoves.available(), 1);
    });
}

/// A count that others add to: what was done before is seen by whoever takes it.
#[test]
fn who_takes_a_permit_sees_what_its_giver_has_done() {
    model_bounded(3, || {
        let shared = Arc::new((Semaphore::named_unbounded("orders", 0), Counter::new()));
        let guest = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.1.add_one();
                shared.0.release(1).unwrap();
            }
        });
        let hasty = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let mut wait = pin!(shared.0.acquire_async());
                match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(permit) => drop(permit),
                    Poll::Pending => (),
                }
            }
        });
        shared.0.acquire().forget();
        assert_eq!(shared.1.get(), 1);
        guest.join().unwrap();
        hasty.join().unwrap();
        assert_eq!(shared.0.available(), 0);
    });
}
