//! Guards that end in unusual ways: when a thread's locals are destroyed, with another task or thread than
//! took them, or not at all.

use std::cell::RefCell;
use std::sync::mpsc;
use std::thread;

use manyhands_sync::{Mutex, MutexGuard, Permit, RwLock, RwLockWriteGuard, Semaphore};
use manyhands_wait::{CancelToken, tracked, wait, with_cancel_token};

use crate::own_process::{alone, errors_of};
use crate::patience::{LONG, eventually};
use crate::polling::ByHand;

type All = (MutexGuard<'static, u32>, RwLockWriteGuard<'static, u32>, Permit<'static>);

/// Destroyed with its thread: gives back what it has, and takes one more lock, waiting for it.
struct Last {
    guards: Option<All>,
    takes: &'static Mutex<u32>,
    at_the_end: mpsc::Sender<()>,
}

impl Drop for Last {
    fn drop(&mut self) {
        let guards = self.guards.take();
        drop(guards);
        self.at_the_end.send(()).unwrap();
        *self.takes.lock() += 1;
        self.takes.lock_timeout(LONG).map(|mut taken| *taken += 1).unwrap();
    }
}

#[test]
fn a_guard_is_dropped_and_a_lock_taken_when_the_locals_of_a_thread_are_destroyed() {
    thread_local! { static LAST: RefCell<Option<Last>> = const { RefCell::new(None) }; }
    static MUTEX: Mutex<u32> = Mutex::new(0);
    static TAKES: Mutex<u32> = Mutex::new(0);
    let lock: &'static RwLock<u32> = Box::leak(Box::default());
    let permits: &'static Semaphore = Box::leak(Box::new(Semaphore::new(1)));
    for local_is_first in [true, false] {
        let taken = TAKES.lock();
        let (at_the_end, ends) = mpsc::channel();
        let thread = thread::spawn(move || {
            let put = |guards| {
                let last = Last { guards, takes: &TAKES, at_the_end: at_the_end.clone() };
                LAST.with(|place| *place.borrow_mut() = Some(last));
            };
            // The locals of the library are made after this one, or before it.
            if local_is_first {
                LAST.with(|_| ());
            }
            put(Some((MUTEX.lock(), lock.write(), permits.acquire())));
        });
        ends.recv_timeout(LONG).expect("the thread ends");
        assert!(MUTEX.try_lock().is_some() && lock.try_write().is_some());
        assert_eq!(permits.available(), 1);
        let waits = || TAKES.statistics().waiting == 1;
        eventually("the ending thread waits", waits);
        drop(taken);
        thread.join().unwrap();
    }
    assert_eq!(*TAKES.lock(), 4);
    assert!(!MUTEX.is_poisoned() && !TAKES.is_poisoned());
}

/// The tasks hold nothing after the first round as far as is known, and each lock says so once.
#[test]
fn async_guards_that_a_plain_thread_drops_are_told_of_once() {
    const NAME: &str = "guards::async_guards_that_a_plain_thread_drops_are_told_of_once";
    let Some(output) = alone(NAME, &[], || {
        let mutex = Mutex::named("given away", ());
        let lock = RwLock::named("read away", ());
        for round in 0..3 {
            let mut task = ByHand::new(tracked(async {
                let guards = (mutex.lock_async().await, lock.read_async().await);
                let is_known = format!("{mutex:?}").contains("held: by async task");
                assert_eq!(is_known, round == 0, "{mutex:?}");
                let elsewhere = thread::scope(|scope| scope.spawn(|| drop(guards)).join());
                elsewhere.unwrap();
            }));
            assert!(task.poll().is_ready());
            assert!(!mutex.is_locked() && lock.try_write().is_some());
        }
    }) else {
        return;
    };
    let errors = errors_of(&output);
    for lock in ["mutex 'given away'", "read-write lock 'read away'"] {
        let told = errors.matches(&format!("an async guard of {lock}")).count();
        assert_eq!(told, 1, "{lock}: {errors}");
    }
}

/// A task that is dropped by whoever has it releases its guards itself: nothing is told, and what it takes
/// is known.
#[test]
fn the_guards_of_a_task_that_is_dropped_elsewhere_stay_its_own() {
    const NAME: &str = "guards::the_guards_of_a_task_that_is_dropped_elsewhere_stay_its_own";
    let Some(output) = alone(NAME, &[], || {
        let (mutex, permits) = (Mutex::named("kept", ()), Semaphore::named("kept", 1));
        for _ in 0..2 {
            let mut task = Box::pin(tracked(async {
                let _guards = (mutex.lock_async().await, permits.acquire_async().await);
                assert!(format!("{mutex:?}").contains("held: by async task"), "{mutex:?}");
                std::future::pending::<()>().await;
            }));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(task.as_mut().poll(&mut cx).is_pending());
            thread::scope(|scope| drop(scope.spawn(|| drop(task)).join()));
            assert!(!mutex.is_locked());
        }
        // The semaphore still proves: one who holds its only permit and wants another waits for itself.
        let _permit = permits.acquire();
        assert!(permits.acquire_checked().is_err());
    }) else {
        return;
    };
    assert_eq!(errors_of(&output), "");
}

/// As long as its holder lives a forgotten guard is one that it may yet release, except to itself.
#[test]
fn a_forgotten_guard_holds_its_lock() {
    let mutex = Mutex::named("forgotten", 1);
    std::mem::forget(mutex.lock());
    assert!(mutex.is_locked() && mutex.try_lock().is_none());
    let deadlock = mutex.lock_checked().map(drop).expect_err("nobody else can release it");
    assert!(deadlock.to_string().contains("mutex 'forgotten'"), "{deadlock}");
    let token = CancelToken::new();
    thread::scope(|scope| {
        let other = scope.spawn(|| with_cancel_token(&token, || drop(mutex.lock())).is_err());
        eventually("it waits", || mutex.statistics().waiting == 1);
        token.cancel();
        assert!(other.join().unwrap());
    });
    // What is guarded is there all the same for whoever has the mutex.
    assert_eq!(mutex.into_inner(), 1);

    let lock = RwLock::new(());
    std::mem::forget(lock.read());
    assert!(lock.try_read().is_some() && lock.try_write().is_none());

    let permits = Semaphore::new(2);
    std::mem::forget(permits.acquire());
    assert_eq!(permits.available(), 1);
    assert!(permits.release(1).is_err(), "a permit that was not left behind is still held");
    drop(permits.acquire());
}

/// A destructor in a task that is dropped may wait, for async things too, with the last poll's waker gone.
#[test]
fn what_a_dropped_task_drops_may_wait() {
    struct Leaving<'a>(&'a Mutex<u32>);
    impl Drop for Leaving<'_> {
        fn drop(&mut self) {
            *wait(self.0.lock_async()) += 1;
            *wait(tracked(self.0.lock_async())) += 1;
        }
    }
    let mutex = Mutex::new(0);
    let mut task = ByHand::pending(tracked(async {
        let _leaving = Leaving(&mutex);
        std::future::pending::<()>().await;
    }));
    assert!(task.poll().is_pending());
    let (takes, is_taken) = mpsc::channel();
    thread::scope(|scope| {
        let mutex = &mutex;
        scope.spawn(move || {
            let _held = mutex.lock();
            takes.send(()).unwrap();
            eventually("the destructor waits", || mutex.statistics().waiting == 1);
        });
        is_taken.recv_timeout(LONG).unwrap();
        drop(task);
    });
    assert_eq!(*mutex.lock(), 2);
}
