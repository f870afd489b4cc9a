//! Events and condition variables: no signal is missed, and none ends with somebody who is gone.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use manyhands_sync::{Condvar, Event, Mutex};

use super::{Counter, model_bounded};

/// Whoever a `set` lets go on sees what was done before, also if the event is cleared at once.
#[test]
fn who_waits_when_an_event_is_set_goes_on() {
    model_bounded(2, || {
        let shared = Arc::new((Event::named("bell"), Counter::new()));
        let waits = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.wait();
                shared.1.get()
            })
        });
        shared.1.add_one();
        shared.0.set();
        waits.into_iter().for_each(|wait| assert_eq!(wait.join().unwrap(), 1));
    });
}

/// It is set and cleared at once, and then nobody sets it again: who waited goes on all the same.
#[test]
fn a_wait_that_has_begun_survives_a_clear() {
    model_bounded(3, || {
        let bell = Arc::new(Event::named("bell"));
        let mut wait = Box::pin(bell.wait_async());
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let others = [true, false].map(|sets| {
            let bell = Arc::clone(&bell);
            thread::spawn(move || if sets { bell.set() } else { bell.clear() })
        });
        bell.set();
        bell.clear();
        loom::future::block_on(wait);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(bell.waiting(), 0);
    });
}

/// The loop of a worker: clear, look for work, wait if there is none. Both pieces of work are found.
#[test]
fn work_that_is_handed_over_before_a_set_is_found_after_the_clear() {
    model_bounded(3, || {
        let shared =
            Arc::new((Event::named("work"), [AtomicBool::new(false), AtomicBool::new(false)]));
        let givers = [0, 1].map(|place| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // The event alone has to make it seen.
                shared.1[place].store(true, Ordering::Relaxed);
                shared.0.set();
            })
        });
        while !shared.1.iter().all(|work| work.load(Ordering::Relaxed)) {
            shared.0.wait();
            shared.0.clear();
        }
        givers.into_iter().for_each(|giver| giver.join().unwrap());
    });
}

/// A future that is dropped while the event is set, and a thread that waits: the latter goes on.
#[test]
fn a_wait_for_an_event_that_is_given_up_takes_nothing_with_it() {
    model_bounded(3, || {
        let bell = Arc::new(Event::named("bell"));
        let gives_up = thread::spawn({
            let bell = Arc::clone(&bell);
            move || {
                let mut wait = pin!(bell.wait_async());
                wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
            }
        });
        let sets = thread::spawn({
            let bell = Arc::clone(&bell);
            move || bell.set()
        });
        bell.wait();
        sets.join().unwrap();
        gives_up.join().unwrap();
        assert_eq!(bell.waiting(), 0);
    });
}

/// The notification may come at any time after the mutex was released to wait for it.
#[test]
fn a_notification_finds_whoever_has_released_the_mutex() {
    model_bounded(3, || {
        let shared = Arc::new((Mutex::named("tray", 0), Condvar::named("served")));
        let waits = thread::spawn({
            let shared = Arc::clone(&shared);
            move || *shared.1.wait_for(shared.0.lock(), |dishes| *dishes > 0)
        });
        *shared.0.lock() += 1;
        shared.1.notify_one();
        assert_eq!(waits.join().unwrap(), 1);
    });
}

#[test]
fn all_who_wait_are_notified() {
    model_bounded(2, || {
        let shared = Arc::new((Mutex::named("tray", 0), Condvar::named("served")));
        let waits = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || drop(shared.1.wait_for(shared.0.lock(), |dishes| *dishes > 0)))
        });
        *shared.0.lock() += 1;
        shared.1.notify_all();
        waits.into_iter().for_each(|wait| wait.join().unwrap());
    });
}

/// One of two who wait gives up: before it is notified, when it was (no poll more), or while it locks the
/// mutex again (one more). The notification lets the other go on.
#[test]
fn who_gives_up_passes_its_notification_on() {
    for polls in [0, 1] {
        model_bounded(3, move || {
            let shared = Arc::new((Mutex::named("tray", 0), Condvar::named("served")));
            let mut cx = Context::from_waker(Waker::noop());
            let guard = shared.0.try_lock_async().expect("nobody else is there");
            let mut first = Box::pin(shared.1.wait_async(guard));
            assert!(first.as_mut().poll(&mut cx).is_pending());
            let waits = thread::spawn({
                let shared = Arc::clone(&shared);
                move || drop(shared.1.wait_for(shared.0.lock(), |dishes| *dishes > 0))
            });
            let notifies = thread::spawn({
                let shared = Arc::clone(&shared);
                move || {
                    // The mutex is held, so that who is notified may have to wait for it.
                    let mut dishes = shared.0.lock();
                    *dishes += 1;
                    shared.1.notify_one();
                }
            });
            let has_followed = (0..polls).any(|_| first.as_mut().poll(&mut cx).is_ready());
            drop(first);
            if has_followed {
                shared.1.notify_one();
            }
            waits.join().unwrap();
            notifies.join().unwrap();
            assert_eq!(shared.1.waiting(), 0);
        });
    }
}
