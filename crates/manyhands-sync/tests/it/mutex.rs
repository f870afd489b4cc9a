//! `Mutex` from outside. Numbers in names are those of the acceptance table for locks, which follows
//! CPython's `test.lock_tests`.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use manyhands_sync::{AsyncMutexGuard, LockStatistics, Mutex, MutexGuard};
use manyhands_wait::{CancelToken, Deadlock, TimedOut, tracked, wait, with_cancel_token};

use crate::patience::eventually;

#[test]
fn acceptance_099_a_contended_lock_goes_through_five_waiters_and_a_panic_frees_it() {
    let mutex = Mutex::new(Vec::new());
    let held = mutex.lock();
    thread::scope(|scope| {
        for number in 0..5 {
            let mutex = &mutex;
            scope.spawn(move || {
                let ended = catch_unwind(AssertUnwindSafe(|| {
                    let mut seen = mutex.lock();
                    seen.push(number);
                    assert_ne!(number, 2, "this one panics while it has the lock");
                }));
                assert_eq!(ended.is_err(), number == 2);
            });
        }
        eventually("all wait", || mutex.statistics().waiting == 5);
        assert!(held.is_empty());
        drop(held);
    });
    let mut seen = mutex.lock().clone();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    assert!(mutex.is_poisoned());
    mutex.clear_poison();
    assert!(!mutex.is_poisoned());
    assert!(mutex.statistics().contended >= 5);
}

#[test]
fn acceptance_100_no_time_at_all_tries_once() {
    // A negative timeout, which Python refuses, cannot be said: `Duration` has none.
    let mutex = Mutex::new(1);
    assert_eq!(*mutex.lock_timeout(Duration::ZERO).unwrap(), 1);
    let past = Instant::now();
    assert_eq!(*mutex.lock_deadline(past).unwrap(), 1);
    let _held = mutex.lock();
    assert_eq!(mutex.lock_timeout(Duration::ZERO).unwrap_err(), TimedOut);
    assert_eq!(mutex.lock_deadline(past).unwrap_err(), TimedOut);
    assert!(mutex.try_lock().is_none());
}

#[test]
fn acceptance_101_a_wait_that_timed_out_leaves_nothing_behind() {
    let mutex = Mutex::new(());
    let held = mutex.lock();
    let start = Instant::now();
    assert_eq!(mutex.lock_timeout(Duration::from_millis(20)).unwrap_err(), TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!(mutex.statistics().waiting, 0);
    drop(held);
    assert!(!mutex.is_locked());
    assert!(mutex.try_lock().is_some());
    thread::scope(|scope| {
        scope.spawn(|| drop(mutex.lock()));
    });
    drop(mutex.lock_timeout(Duration::from_secs(60)).unwrap());
}

#[test]
fn acceptance_105_whether_it_is_locked_is_seen_by_other_threads() {
    let mutex = Mutex::new(());
    let seen_locked = || thread::scope(|scope| scope.spawn(|| mutex.is_locked()).join().unwrap());
    assert!(!seen_locked());
    let held = mutex.lock();
    assert!(seen_locked());
    drop(held);
    assert!(!seen_locked());
}

#[test]
fn increments_of_many_threads_are_not_lost() {
    let mutex = Mutex::new(0u64);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20_000).for_each(|_| *mutex.lock() += 1));
        }
    });
    assert_eq!(mutex.into_inner(), 160_000);
}

#[test]
fn threads_with_limits_and_futures_that_are_dropped_lose_no_wake_up() {
    let mutex = Mutex::new(0u64);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..4u64 {
            let (mutex, done) = (&mutex, &done);
            scope.spawn(move || {
                for round in 0..5_000u64 {
                    match (round + number) % 4 {
                        0 => *mutex.lock() += 1,
                        1 => {
                            let limit = Duration::from_micros(round % 50);
                            if let Ok(mut value) = mutex.lock_timeout(limit) {
                                *value += 1;
                                continue;
                            }
                            *mutex.lock() += 1;
                        }
                        2 => {
                            // Polled once, and perhaps dropped just when it is granted.
                            if let Some(mut value) = poll_once(mutex.lock_async()) {
                                *value += 1;
                                continue;
                            }
                            *mutex.lock() += 1;
                        }
                        _ => wait(async { *mutex.lock_async().await += 1 }),
                    }
                }
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!((mutex.into_inner(), done.into_inner()), (20_000, 4));
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn nobody_starves_beside_a_thread_that_locks_again_at_once() {
    let mutex = Mutex::new(());
    let (stop, barrier) = (AtomicBool::new(false), Barrier::new(3));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                barrier.wait();
                while !stop.load(Ordering::Relaxed) {
                    let _held = mutex.lock();
                    // Long enough to be held nearly always.
                    (0..2_000).for_each(|_| std::hint::spin_loop());
                }
            });
        }
        barrier.wait();
        for _ in 0..50 {
            drop(mutex.lock());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn whoever_has_waited_too_long_is_handed_the_lock() {
    let mutex = Mutex::new(());
    let mut waiting = Box::pin(mutex.lock_async());
    let held = mutex.lock();
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(cx).is_pending());
    thread::sleep(Duration::from_millis(1));
    drop(held);
    // Nobody else gets it, although it has not been polled since.
    assert!(mutex.is_locked() && mutex.try_lock().is_none());
    assert_eq!(mutex.statistics().handed_over, 1);
    let Poll::Ready(guard) = waiting.as_mut().poll(cx) else { panic!("it was handed the lock") };
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn of_those_who_wait_one_in_half_a_millisecond_is_handed_the_lock() {
    const WAITERS: usize = 32;
    let mutex = Mutex::new(0);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..WAITERS {
            scope.spawn(|| {
                while begun.elapsed() < Duration::from_millis(100) {
                    let mut held = mutex.lock();
                    *held += 1;
                    // Long enough that others come meanwhile.
                    (0..100).for_each(|_| std::hint::spin_loop());
                }
            });
        }
    });
    let most = begun.elapsed().as_micros() / 500 + 1;
    let LockStatistics { handed_over, contended, .. } = mutex.statistics();
    assert!(contended > 0 && u128::from(handed_over) <= most, "{handed_over} of {contended}");
}

#[test]
fn a_lock_handed_to_a_future_that_is_dropped_goes_to_the_next() {
    let mutex = Mutex::new(());
    let cx = &mut Context::from_waker(Waker::noop());
    let (mut first, mut second) = (Box::pin(mutex.lock_async()), Box::pin(mutex.lock_async()));
    let held = mutex.lock();
    assert!(first.as_mut().poll(cx).is_pending());
    assert!(second.as_mut().poll(cx).is_pending());
    thread::sleep(Duration::from_millis(1));
    drop(held);
    drop(first);
    assert!(mutex.is_locked());
    assert!(second.as_mut().poll(cx).is_ready());
    assert!(!mutex.is_locked());
}

#[test]
fn a_future_that_was_woken_and_is_not_polled_keeps_nobody_from_a_free_lock() {
    let mutex = Mutex::new(());
    let cx = &mut Context::from_waker(Waker::noop());
    let (mut first, mut second) = (Box::pin(mutex.lock_async()), Box::pin(mutex.lock_async()));
    let held = mutex.lock();
    assert!(first.as_mut().poll(cx).is_pending());
    assert!(second.as_mut().poll(cx).is_pending());
    drop(held);
    // The first was woken or handed the lock. Others take it meanwhile, and wake the second.
    while !mutex.is_locked() && second.as_mut().poll(cx).is_pending() {
        drop(mutex.try_lock());
    }
    drop(first);
    drop(second);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_cancelled_holder_leaves_no_poison_and_frees_the_lock() {
    let mutex = Mutex::new(());
    let token = CancelToken::new();
    token.cancel();
    let ended = with_cancel_token(&token, || {
        let _held = mutex.lock();
        manyhands_wait::check_cancelled();
    });
    assert!(ended.is_err());
    assert!(!mutex.is_poisoned() && !mutex.is_locked());
}

#[test]
fn a_wait_for_the_lock_is_cancelled() {
    let mutex = Mutex::new(());
    let token = CancelToken::new();
    let held = mutex.lock();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| with_cancel_token(&token, || drop(mutex.lock())));
        eventually("it waits", || mutex.statistics().waiting == 1);
        token.cancel();
        assert!(waiting.join().unwrap().is_err());
    });
    drop(held);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_guard_taken_while_unwinding_leaves_no_poison() {
    struct LocksOnDrop<'a>(&'a Mutex<u32>);
    impl Drop for LocksOnDrop<'_> {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    let mutex = Mutex::new(0);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let _locks = LocksOnDrop(&mutex);
        panic!("outside of the lock");
    }));
    assert!(ended.is_err());
    assert_eq!((*mutex.lock(), mutex.is_poisoned()), (1, false));
}

#[test]
fn locking_again_is_a_deadlock_with_itself() {
    let mutex = Mutex::named("fork", ());
    let _held = mutex.lock();
    let deadlock = mutex.lock_checked().unwrap_err();
    assert_eq!(deadlock.participants().len(), 1);
    let report = deadlock.to_string();
    assert!(report.contains("waits for mutex 'fork'") && report.contains("mutex.rs"), "{report}");
    let payload = catch_unwind(AssertUnwindSafe(|| drop(mutex.lock()))).unwrap_err();
    assert!(payload.is::<Deadlock>());
    assert_eq!(mutex.lock_timeout(Duration::from_millis(1)).unwrap_err(), TimedOut);
}

#[test]
fn two_threads_that_wait_for_each_other_are_told_once() {
    let (noodles, fork) = (Mutex::named("noodles", ()), Mutex::named("fork", ()));
    let (barrier, deadlocks) = (Barrier::new(2), AtomicUsize::new(0));
    let eat = |first: &Mutex<()>, second: &Mutex<()>| {
        let _first = first.lock();
        barrier.wait();
        if let Err(deadlock) = second.lock_checked() {
            deadlocks.fetch_add(1, Ordering::Relaxed);
            assert_eq!(deadlock.participants().len(), 2);
            let report = deadlock.to_string();
            for part in ["mutex 'noodles'", "mutex 'fork'", "mutex.rs"] {
                assert!(report.contains(part), "{part} is not in: {report}");
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| eat(&noodles, &fork));
        scope.spawn(|| eat(&fork, &noodles));
    });
    assert_eq!(deadlocks.into_inner(), 1);
}

#[test]
fn a_tracked_task_that_locks_again_is_told() {
    let mutex = Mutex::named("page", 0);
    wait(tracked(async {
        let held = mutex.lock_async().await;
        let deadlock = mutex.lock_async_checked().await.unwrap_err();
        assert!(deadlock.to_string().contains("mutex 'page'"));
        drop(held);
        assert!(mutex.lock_async_checked().await.is_ok());
    }));
    assert_eq!(mutex.statistics().waiting, 0);
}

#[test]
fn an_untracked_task_may_end_for_all_that_is_known() {
    let mutex = Mutex::new(());
    let cx = &mut Context::from_waker(Waker::noop());
    let mut held = Some(wait(mutex.lock_async()));
    let mut again = Box::pin(mutex.lock_async());
    assert!(again.as_mut().poll(cx).is_pending());
    held.take();
    assert!(again.as_mut().poll(cx).is_ready());
}

#[test]
fn a_guard_that_was_handed_over_is_nobodys() {
    let mutex = Mutex::new(5);
    let guard = wait(tracked(async { AsyncMutexGuard::hand_over(mutex.lock_async().await) }));
    assert!(!format!("{mutex:?}").contains("held: by"), "{mutex:?}");
    thread::scope(|scope| {
        scope.spawn(move || assert_eq!(*guard, 5));
    });
    assert!(mutex.try_lock().is_some());
}

#[test]
fn locks_whose_guards_wander_between_tasks_are_released_all_the_same() {
    let mutex = Mutex::new(());
    let guard = wait(tracked(mutex.lock_async()));
    wait(tracked(async { drop(guard) }));
    assert!(!mutex.is_locked());
    wait(tracked(async {
        let _held = mutex.lock_async().await;
        assert!(!format!("{mutex:?}").contains("held: by"), "{mutex:?}");
    }));
}

#[test]
fn a_guard_narrows_to_a_part() {
    let mutex = Mutex::new((1, [1, 2, 3]));
    let numbers = MutexGuard::map(mutex.lock(), |both| &mut both.1);
    let mut last = manyhands_sync::MappedMutexGuard::map(numbers, |numbers| &mut numbers[2]);
    *last = 9;
    assert!(mutex.is_locked());
    drop(last);
    assert_eq!(mutex.lock().1, [1, 2, 9]);
    let guard = mutex.lock();
    assert!(std::ptr::eq(MutexGuard::mutex(&guard), &raw const mutex));
}

#[test]
fn debug_tells_who_has_it_without_waiting() {
    let mutex = Mutex::named("menu", 7);
    assert_eq!(
        format!("{mutex:?}"),
        r#"Mutex { value: 7, name: "menu", held: false, waiting: 0 }"#
    );
    let guard = mutex.lock();
    let shown = format!("{mutex:?}");
    assert!(shown.contains("value: <locked>") && shown.contains("held: by thread"), "{shown}");
    assert!(shown.contains("mutex.rs"), "{shown}");
    assert_eq!(format!("{guard:?} {guard}"), "7 7");
    drop(guard);
    assert_eq!((mutex.name(), Mutex::new(()).name()), (Some("menu"), None));
}

#[test]
fn a_mutex_is_shared_where_its_value_may_be_sent_and_its_guard_stays() {
    fn is_sync<T: Sync>() {}
    fn is_send<T: Send>() {}
    is_sync::<Mutex<std::cell::Cell<u8>>>();
    is_send::<AsyncMutexGuard<'_, u8>>();
    is_sync::<MutexGuard<'_, u8>>();
    let mut mutex = Mutex::from(3);
    *mutex.get_mut() += 1;
    assert_eq!(mutex.into_inner(), 4);
}
