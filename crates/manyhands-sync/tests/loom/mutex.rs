//! The mutex: its word, its queue, and who sees to whom.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use loom::sync::Arc;
use loom::thread;
use manyhands_sync::{Mutex, ReentrantMutex};

use super::{Counter, model_bounded};

/// Three holders, so that there is somebody in the queue while another is on its way.
#[test]
fn one_at_a_time_and_nobody_is_forgotten() {
    model_bounded(2, || {
        let mutex = Arc::new(Mutex::new(Counter::new()));
        let others = [(); 2].map(|()| {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || mutex.lock().add_one())
        });
        mutex.lock().add_one();
        others.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(mutex.lock().get(), 3);
    });
}

#[test]
fn two_that_lock_twice() {
    model_bounded(3, || {
        let mutex = Arc::new(Mutex::new(Counter::new()));
        let twice = |mutex: &Mutex<Counter>| (0..2).for_each(|_| mutex.lock().add_one());
        let other = thread::spawn({
            let mutex = Arc::clone(&mutex);
            move || twice(&mutex)
        });
        twice(&mutex);
        other.join().unwrap();
        assert_eq!(mutex.lock().get(), 4);
    });
}

/// A future that is dropped, whether it waits, was woken or has the lock, leaves nobody waiting.
#[test]
fn a_wait_that_is_given_up_takes_nothing_with_it() {
    model_bounded(2, || {
        let mutex = Arc::new(Mutex::new(Counter::new()));
        let waits = thread::spawn({
            let mutex = Arc::clone(&mutex);
            move || mutex.lock().add_one()
        });
        let gives_up = thread::spawn({
            let mutex = Arc::clone(&mutex);
            move || {
                let mut wait = pin!(mutex.lock_async());
                let mut cx = Context::from_waker(Waker::noop());
                for _ in 0..2 {
                    if wait.as_mut().poll(&mut cx).is_ready() {
                        break;
                    }
                }
            }
        });
        mutex.lock().add_one();
        waits.join().unwrap();
        gives_up.join().unwrap();
        assert!(mutex.try_lock().is_some_and(|counter| counter.get() == 2));
    });
}

#[test]
fn trying_is_either_first_or_later() {
    model_bounded(3, || {
        let mutex = Arc::new(Mutex::new(Counter::new()));
        let tries = thread::spawn({
            let mutex = Arc::clone(&mutex);
            move || mutex.try_lock().map(|counter| counter.add_one()).is_some()
        });
        let waits = thread::spawn({
            let mutex = Arc::clone(&mutex);
            move || mutex.lock().add_one()
        });
        mutex.lock().add_one();
        waits.join().unwrap();
        let tried = tries.join().unwrap();
        assert_eq!(mutex.lock().get(), 2 + u32::from(tried));
    });
}

#[test]
fn a_holder_comes_in_again_and_the_others_after_its_last_guard() {
    model_bounded(2, || {
        let mutex = Arc::new(ReentrantMutex::new(Counter::new()));
        let other = thread::spawn({
            let mutex = Arc::clone(&mutex);
            move || mutex.lock().add_one()
        });
        let first = mutex.lock();
        mutex.lock().add_one();
        first.add_one();
        drop(first);
        other.join().unwrap();
        assert_eq!(mutex.lock().get(), 3);
    });
}
