//! The read-write lock: readers together, writers alone, and nobody forgotten.
//!
//! The locks have names, so that all of them is there before the threads are: loom does not see how std's
//! `OnceLock` orders the making of it against its use.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use loom::sync::Arc;
use loom::thread;
use manyhands_sync::{RwLock, RwLockWriteGuard};

use super::{Counter, model_bounded};

#[test]
fn two_writers_and_a_reader() {
    model_bounded(1, || {
        let lock = Arc::new(RwLock::named("menu", Counter::new()));
        let writer = thread::spawn({
            let lock = Arc::clone(&lock);
            move || lock.write().add_one()
        });
        let reader = thread::spawn({
            let lock = Arc::clone(&lock);
            move || lock.read().get()
        });
        lock.write().add_one();
        writer.join().unwrap();
        assert!(reader.join().unwrap() <= 2);
        assert_eq!(lock.read().get(), 2);
    });
}

#[test]
fn two_readers_and_a_writer() {
    model_bounded(1, || {
        let lock = Arc::new(RwLock::named("menu", Counter::new()));
        let readers = [(); 2].map(|()| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || lock.read().get())
        });
        lock.write().add_one();
        readers.into_iter().for_each(|reader| assert!(reader.join().unwrap() <= 1));
        assert_eq!(lock.write().get(), 1);
    });
}

#[test]
fn a_writer_that_gives_up_leaves_nobody_behind() {
    model_bounded(2, || {
        let lock = Arc::new(RwLock::named("menu", Counter::new()));
        let reader = thread::spawn({
            let lock = Arc::clone(&lock);
            move || lock.read().get()
        });
        let gives_up = thread::spawn({
            let lock = Arc::clone(&lock);
            move || {
                let mut wait = pin!(lock.write_async());
                let mut cx = Context::from_waker(Waker::noop());
                for _ in 0..2 {
                    if wait.as_mut().poll(&mut cx).is_ready() {
                        break;
                    }
                }
            }
        });
        lock.write().add_one();
        assert!(reader.join().unwrap() <= 1);
        gives_up.join().unwrap();
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn nobody_writes_between_a_writer_and_the_reader_that_it_becomes() {
    model_bounded(1, || {
        let lock = Arc::new(RwLock::named("menu", Counter::new()));
        let others = [true, false].map(|writes| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || match writes {
                true => lock.write().add_one(),
                false => drop(lock.read().get()),
            })
        });
        let writing = lock.write();
        writing.add_one();
        let before = writing.get();
        let reading = RwLockWriteGuard::downgrade(writing);
        assert_eq!(reading.get(), before);
        drop(reading);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lock.write().get(), 2);
    });
}
