//! `RwLock` from outside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use manyhands_sync::{
    AsyncRwLockReadGuard, AsyncRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use manyhands_wait::{CancelToken, Deadlock, TimedOut, tracked, wait, with_cancel_token};

use crate::patience::{LONG, eventually};
use crate::polling::ByHand;

const SOON: Duration = Duration::from_millis(1);

#[test]
fn many_read_or_one_writes() {
    let lock = RwLock::new(1);
    let readers: Vec<_> = (0..20).map(|_| lock.read()).collect();
    assert!(lock.is_locked() && !lock.is_write_locked());
    assert!(lock.try_write().is_none());
    assert_eq!(lock.write_timeout(SOON).unwrap_err(), TimedOut);
    assert_eq!(*lock.try_read().unwrap(), 1);
    drop(readers);
    let mut writer = lock.write();
    *writer += 1;
    assert!(lock.is_write_locked() && lock.try_read().is_none() && lock.try_write().is_none());
    assert_eq!(lock.read_timeout(Duration::ZERO).unwrap_err(), TimedOut);
    drop(writer);
    assert!(!lock.is_locked());
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn a_pair_is_always_seen_whole() {
    let lock = RwLock::new((0u64, 0u64));
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in [true, true, false, false, false] {
            let (lock, done) = (&lock, &done);
            scope.spawn(move || {
                for round in 0..20_000u64 {
                    match (writer, round % 4) {
                        (true, 0) => wait(async {
                            let mut pair = lock.write_async().await;
                            pair.0 += 1;
                            pair.1 += 1;
                        }),
                        (true, _) => {
                            let mut pair = lock.write();
                            pair.0 += 1;
                            pair.1 += 1;
                        }
                        (false, 0) => {
                            let limit = Duration::from_micros(round % 50);
                            if let Ok(pair) = lock.read_timeout(limit) {
                                assert_eq!(pair.0, pair.1);
                            }
                        }
                        (false, 1) => drop(ByHand::new(lock.read_async()).poll()),
                        (false, 2) => drop(ByHand::new(lock.write_async()).poll()),
                        (false, _) => {
                            let pair = lock.read();
                            assert_eq!(pair.0, pair.1);
                        }
                    }
                }
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!((lock.into_inner(), done.into_inner()), ((40_000, 40_000), 5));
}

#[test]
fn readers_that_come_and_go_do_not_keep_a_writer_out() {
    let lock = RwLock::new(0);
    let stop = AtomicBool::new(false);
    let started = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                started.wait();
                while !stop.load(Ordering::Relaxed) {
                    let _reading = lock.read();
                    (0..2_000).for_each(|_| std::hint::spin_loop());
                }
            });
        }
        started.wait();
        for _ in 0..50 {
            *lock.write() += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(lock.into_inner(), 50);
}

#[test]
fn writers_that_come_and_go_do_not_keep_a_reader_out() {
    let lock = RwLock::new(0u64);
    let stop = AtomicBool::new(false);
    let started = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                started.wait();
                while !stop.load(Ordering::Relaxed) {
                    let mut writing = lock.write();
                    *writing += 1;
                    (0..2_000).for_each(|_| std::hint::spin_loop());
                }
            });
        }
        started.wait();
        for _ in 0..50 {
            drop(lock.read());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn who_comes_after_a_waiting_writer_queues_up_behind_it() {
    let lock = RwLock::new(());
    let reader = lock.read();
    let mut writer = ByHand::pending(lock.write_async());
    assert!(lock.try_read().is_none());
    let (mut second, mut third) =
        (ByHand::pending(lock.read_async()), ByHand::pending(lock.read_async()));
    let mut last = ByHand::pending(lock.write_async());
    assert_eq!(lock.statistics().waiting, 4);
    thread::sleep(SOON); // longer than a writer has patience
    drop(reader);
    let writing = writer.poll();
    assert!(writing.is_ready() && second.poll().is_pending());
    drop(writing);
    // All readers in front of the next writer are let in together.
    let reading = (second.poll(), third.poll());
    assert!(reading.0.is_ready() && reading.1.is_ready() && last.poll().is_pending());
    assert!(lock.try_read().is_none());
    drop(reading);
    assert!(last.poll().is_ready());
    assert!(!lock.is_locked());
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_in() {
    let lock = RwLock::new(());
    let reader = lock.read();
    let writer = ByHand::pending(lock.write_async());
    let mut second = ByHand::pending(lock.read_async());
    drop(writer);
    assert_eq!(second.woken(), 1);
    let second = second.poll();
    assert!(second.is_ready());
    drop((reader, second));
    assert!(!lock.is_locked());
    assert_eq!(lock.write_timeout(LONG).map(drop), Ok(()));
}

#[test]
fn what_was_handed_to_a_future_that_is_dropped_goes_to_the_next() {
    let lock = RwLock::new(());
    let writing = lock.write();
    let (reader, mut writer) =
        (ByHand::pending(lock.read_async()), ByHand::pending(lock.write_async()));
    drop(writing);
    assert!(lock.is_locked() && !lock.is_write_locked(), "the reader was let in");
    thread::sleep(SOON);
    drop(reader);
    assert!(lock.is_write_locked(), "the writer was handed the lock");
    let mut reader = ByHand::pending(lock.read_async());
    assert!(writer.poll().is_ready());
    assert!(reader.poll().is_ready());
    assert!(!lock.is_locked());
}

#[test]
fn a_wait_that_times_out_leaves_nothing_behind() {
    let lock = RwLock::new(());
    let reading = lock.read();
    assert!(lock.write_timeout(SOON).is_err());
    assert_eq!(lock.statistics().waiting, 0);
    assert!(lock.try_read().is_some());
    drop(reading);
    let writing = lock.try_write().unwrap();
    assert!(lock.read_timeout(SOON).is_err() && lock.write_timeout(SOON).is_err());
    drop(writing);
    assert!(lock.try_read().is_some() && lock.try_write().is_some());
}

#[test]
fn a_writer_becomes_a_reader_and_lets_others_in() {
    let lock = RwLock::new(1);
    let mut writing = lock.write();
    *writing = 2;
    let (mut reader, mut writer) =
        (ByHand::pending(lock.read_async()), ByHand::pending(lock.write_async()));
    let reading = RwLockWriteGuard::downgrade(writing);
    assert_eq!(*reading, 2);
    let second = reader.poll();
    assert!(second.is_ready() && writer.poll().is_pending());
    drop((reading, second));
    let writing = loop {
        // It is handed the lock, or is woken to take it.
        match writer.poll() {
            std::task::Poll::Ready(writing) => break writing,
            std::task::Poll::Pending => {}
        }
    };
    assert_eq!(*writing, 2);
    drop(writing);
    let alone = RwLockWriteGuard::downgrade(lock.write());
    assert!(lock.try_read().is_some() && lock.try_write().is_none());
    drop(alone);
    assert!(!lock.is_locked());
}

#[test]
fn a_reader_that_wants_to_write_waits_for_itself() {
    let lock = RwLock::named("menu", ());
    let reading = lock.read();
    let report = lock.write_checked().unwrap_err().to_string();
    assert!(report.contains("read-write lock 'menu' to write"), "{report}");
    assert!(report.contains("rwlock.rs"), "{report}");
    drop(reading);
    let writing = lock.write();
    assert!(lock.read_checked().is_err() && lock.write_checked().is_err());
    let payload = catch_unwind(AssertUnwindSafe(|| drop(lock.read()))).unwrap_err();
    assert!(payload.is::<Deadlock>());
    drop(writing);
    assert!(lock.write_checked().is_ok());
}

#[test]
fn two_readers_that_want_to_write_wait_for_each_other() {
    let lock = RwLock::named("menu", 0);
    let barrier = Barrier::new(2);
    let ended = thread::scope(|scope| {
        let both = [(); 2].map(|()| {
            scope.spawn(|| {
                let reading = lock.read();
                barrier.wait();
                let deadlock = lock.write_checked().err();
                drop(reading);
                *lock.write() += 1;
                deadlock.is_some()
            })
        });
        both.map(|thread| thread.join().unwrap())
    });
    // Each waits for itself already.
    assert_eq!((ended, lock.into_inner()), ([true, true], 2));
}

#[test]
fn reading_twice_around_a_waiting_writer_is_a_deadlock() {
    let lock = RwLock::named("menu", ());
    let (reads, waits) = (Barrier::new(2), AtomicBool::new(false));
    let told = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let reading = lock.read();
            reads.wait();
            eventually("the writer waits", || lock.statistics().waiting == 1);
            waits.store(true, Ordering::Relaxed);
            let again = lock.read_checked().map(drop).err();
            drop(reading);
            again
        });
        let writer = scope.spawn(|| {
            reads.wait();
            lock.write_checked().map(drop).err()
        });
        [reader.join().unwrap(), writer.join().unwrap()]
    });
    assert!(waits.into_inner());
    let told: Vec<String> = told.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("'menu' to read") && told[0].contains("'menu' to write"), "{told:?}");
}

#[test]
fn a_reader_and_a_writer_across_two_locks_are_told_once() {
    let (one, two) = (RwLock::named("one", ()), RwLock::named("two", ()));
    let barrier = Barrier::new(2);
    let told = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let _reading = one.read();
            barrier.wait();
            two.read_checked().map(drop).err()
        });
        let writer = scope.spawn(|| {
            let _writing = two.write();
            barrier.wait();
            one.write_checked().map(drop).err()
        });
        [reader.join().unwrap(), writer.join().unwrap()]
    });
    let told: Vec<&Deadlock> = told.iter().flatten().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].participants().len(), 2);
}

#[test]
fn one_stuck_reader_of_several_is_enough() {
    let (one, two) = (RwLock::named("one", ()), RwLock::named("two", ()));
    let (taken, free) = (Barrier::new(3), AtomicBool::new(false));
    let told = thread::scope(|scope| {
        let idle = scope.spawn(|| {
            let _reading = one.read();
            taken.wait();
            eventually("the deadlock is found", || free.load(Ordering::Relaxed));
        });
        let stuck = scope.spawn(|| {
            let reading = one.read();
            taken.wait();
            let told = two.read_checked().map(drop).err();
            drop(reading);
            free.store(true, Ordering::Relaxed);
            told
        });
        let writing = two.write();
        taken.wait();
        // The reader that runs does not help: the other one never leaves.
        let told = one.write_checked().map(drop).err();
        drop(writing);
        let stuck = stuck.join().unwrap();
        idle.join().unwrap();
        [told, stuck]
    });
    assert_eq!(told.iter().flatten().count(), 1);
}

#[test]
fn tracked_tasks_are_told_and_keep_their_guards_across_awaits() {
    let lock = RwLock::named("page", 0);
    wait(tracked(async {
        let reading = lock.read_async().await;
        assert!(lock.write_async_checked().await.is_err());
        drop(reading);
        *lock.write_async().await += 1;
        let writing = lock.try_write_async().unwrap();
        assert!(lock.read_async_checked().await.is_err() && lock.try_read_async().is_none());
        drop(writing);
        assert_eq!(*lock.read_async().await, 1);
    }));
    assert!(!lock.is_locked());
}

#[test]
fn guards_that_were_handed_over_are_nobodys() {
    let lock = RwLock::new(5);
    let (reading, writing) = (RwLock::new(()), RwLock::new(()));
    wait(tracked(async {
        let one = AsyncRwLockReadGuard::hand_over(reading.read_async().await);
        let two = AsyncRwLockWriteGuard::hand_over(writing.write_async().await);
        assert!(format!("{reading:?}").contains("read by: []"), "{reading:?}");
        assert!(format!("{writing:?}").contains("written: true"), "{writing:?}");
        thread::scope(|scope| {
            scope.spawn(move || drop((one, two)));
        });
    }));
    assert!(!reading.is_locked() && !writing.is_locked());
    let guard = wait(lock.read_async());
    thread::scope(|scope| {
        scope.spawn(move || assert_eq!(*guard, 5));
    });
}

#[test]
fn a_panicking_writer_leaves_a_note_and_a_reader_or_a_cancelled_one_does_not() {
    let lock = RwLock::new(());
    let panics = |f: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
    panics(&|| {
        let _reading = lock.read();
        panic!("a reader");
    });
    let token = CancelToken::new();
    token.cancel();
    let cancelled = with_cancel_token(&token, || {
        let _writing = lock.write();
        manyhands_wait::check_cancelled();
    });
    assert!(cancelled.is_err() && !lock.is_poisoned());
    panics(&|| {
        let _writing = lock.write();
        panic!("a writer");
    });
    assert!(lock.is_poisoned() && !lock.is_locked());
    lock.clear_poison();
    assert!(!lock.is_poisoned());
}

#[test]
fn guards_narrow_and_debug_tells_who_has_it() {
    let mut lock = RwLock::named("menu", (1, [2, 3]));
    {
        let part = RwLockReadGuard::map(lock.read(), |both| &both.1);
        assert_eq!(format!("{part:?}"), "[2, 3]");
        let shown = format!("{lock:?}");
        assert!(
            shown.contains("value: (1, [2, 3])") && shown.contains("read by: [thread"),
            "{shown}"
        );
    }
    {
        let mut part = RwLockWriteGuard::map(lock.write(), |both| &mut both.1[0]);
        *part = 7;
        let shown = format!("{lock:?}");
        assert!(shown.contains("<locked>") && shown.contains("written: by thread"), "{shown}");
        assert!(shown.contains("rwlock.rs"), "{shown}");
    }
    assert_eq!(lock.get_mut().1, [7, 3]);
    assert_eq!(lock.name(), Some("menu"));
    assert_eq!(format!("{:?}", RwLock::new(1)), "RwLock { value: 1, waiting: 0 }");
}
