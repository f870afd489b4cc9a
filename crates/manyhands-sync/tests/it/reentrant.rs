//! `ReentrantMutex` from outside. Numbers in names are those of the acceptance table for locks.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use manyhands_sync::{ReentrantMutex, ReentrantMutexGuard};
use manyhands_wait::{TimedOut, tracked, wait};

use crate::patience::{LONG, eventually};
use crate::polling::ByHand;

#[test]
fn acceptance_104_it_counts_and_nobody_else_can_release_it() {
    let mutex = ReentrantMutex::new(Cell::new(0));
    let first = mutex.lock();
    let second = mutex.lock();
    let third = mutex.try_lock().unwrap();
    let fourth = mutex.lock_timeout(Duration::ZERO).unwrap();
    fourth.set(4);
    // A guard is not `Send`, so all that another thread can do is to ask.
    let refused = || {
        thread::scope(|scope| {
            let other = scope.spawn(|| mutex.try_lock().is_none() && !mutex.is_held_by_caller());
            other.join().unwrap()
        })
    };
    for guard in [first, third, second] {
        assert!(refused() && mutex.is_locked() && mutex.is_held_by_caller());
        drop(guard);
    }
    assert!(refused());
    drop(fourth);
    assert!(!refused() && !mutex.is_locked() && !mutex.is_held_by_caller());
    assert_eq!(mutex.into_inner().get(), 4);
}

#[test]
fn waiters_get_it_when_the_last_guard_is_gone() {
    let mutex = ReentrantMutex::new(Cell::new(0));
    let (one, two) = (mutex.lock(), mutex.lock());
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let held = mutex.lock();
            assert!(mutex.is_held_by_caller());
            held.set(held.get() + 1);
            held.get()
        });
        eventually("the other waits", || mutex.statistics().waiting == 1);
        drop(one);
        assert_eq!(mutex.statistics().waiting, 1);
        assert_eq!(two.get(), 0);
        drop(two);
        assert_eq!(other.join().unwrap(), 1);
    });
}

#[test]
fn recursion_of_many_threads_loses_nothing() {
    fn add(mutex: &ReentrantMutex<Cell<u64>>, depth: u32) {
        let held = mutex.lock();
        held.set(held.get() + 1);
        if depth > 1 {
            add(mutex, depth - 1);
        }
    }
    let mutex = ReentrantMutex::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5_000).for_each(|_| add(&mutex, 3)));
        }
    });
    assert_eq!(mutex.lock().get(), 60_000);
}

#[test]
fn two_that_wait_for_each_other_are_told_and_one_lock_for_both_is_none() {
    let (one, two) = (ReentrantMutex::named("one", ()), ReentrantMutex::named("two", ()));
    let barrier = Barrier::new(2);
    let reports = thread::scope(|scope| {
        let both = [(&one, &two), (&two, &one)].map(|(first, second)| {
            let barrier = &barrier;
            scope.spawn(move || {
                let _first = first.lock();
                let _first_again = first.lock();
                barrier.wait();
                second.lock_checked().err().map(|deadlock| deadlock.to_string())
            })
        });
        both.map(|thread| thread.join().unwrap())
    });
    let told: Vec<&String> = reports.iter().flatten().collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("re-entrant mutex 'one'") && told[0].contains("'two'"), "{}", told[0]);
    let (_held, again) = (one.lock(), one.lock_checked());
    assert!(again.is_ok());
}

#[test]
fn a_tracked_task_takes_it_again_by_await_and_by_call() {
    let mutex = ReentrantMutex::new(Cell::new(0));
    wait(tracked(async {
        let held = mutex.lock_async().await;
        let again = mutex.lock_async().await;
        let by_call = mutex.lock();
        by_call.set(3);
        assert_eq!((held.get(), again.get()), (3, 3));
    }));
    assert!(!mutex.is_locked());
}

#[test]
fn async_code_that_is_not_tracked_has_it_alone() {
    let mutex = ReentrantMutex::new(());
    let held = wait(mutex.lock_async());
    assert!(!mutex.is_held_by_caller());
    assert_eq!(mutex.lock_timeout(Duration::from_millis(1)).unwrap_err(), TimedOut);
    let mut again = ByHand::pending(mutex.lock_async());
    drop(held);
    assert!(again.poll().is_ready());
}

#[test]
fn a_panic_frees_all_of_it_and_leaves_a_note() {
    let mutex = ReentrantMutex::new(());
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let (_one, _two) = (mutex.lock(), mutex.lock());
        panic!("with two guards");
    }));
    assert!(ended.is_err() && !mutex.is_locked() && mutex.is_poisoned());
    mutex.clear_poison();
    assert!(!mutex.is_poisoned());
    drop(mutex.lock_timeout(LONG).unwrap());
}

#[test]
fn guards_narrow_and_debug_tells_who_has_it() {
    let mutex = ReentrantMutex::named("menu", (1, Cell::new(2)));
    let part = ReentrantMutexGuard::map(mutex.lock(), |both| &both.1);
    part.set(5);
    assert_eq!(format!("{part:?}"), "Cell { value: 5 }");
    let shown = format!("{mutex:?}");
    assert!(shown.contains("(1, Cell { value: 5 })") && shown.contains("held: by"), "{shown}");
    drop(part);
    assert_eq!(mutex.name(), Some("menu"));
    let guard = mutex.lock();
    assert!(std::ptr::eq(ReentrantMutexGuard::mutex(&guard), &raw const mutex));
}
