//! Mutex, re-entrant mutex and read-write lock between a thread, a coroutine and an async task at the
//! same time; and deadlocks across them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands::sync::{Mutex, ReentrantMutex, RwLock};
use manyhands::{AnyExecutor, InProcess, Task, spawn_async};

use crate::patience::eventually;
use crate::primitives::on_all_three;

const ROUNDS: u64 = 3_000;

#[test]
fn a_mutex_is_shared_by_all_three() {
    let mutex = Arc::new(Mutex::new(0));
    let (plain, future) = (Arc::clone(&mutex), Arc::clone(&mutex));
    on_all_three(
        move || (0..ROUNDS).for_each(|_| *plain.lock() += 1),
        async move {
            for _ in 0..ROUNDS {
                *future.lock_async().await += 1;
            }
        },
        || (),
    );
    assert_eq!(*mutex.lock(), 3 * ROUNDS);
    assert_eq!(mutex.statistics().waiting, 0);
}

#[test]
fn a_mutex_that_is_kept_across_waits_goes_from_one_to_the_next() {
    let mutex = Arc::new(Mutex::new(0));
    let inside = Arc::new(AtomicUsize::new(0));
    let (plain, future) = (Arc::clone(&mutex), Arc::clone(&mutex));
    let (plain_inside, future_inside) = (Arc::clone(&inside), Arc::clone(&inside));
    let moment = std::time::Duration::from_micros(50);
    on_all_three(
        move || {
            for _ in 0..20 {
                let mut held = plain.lock();
                assert_eq!(plain_inside.fetch_add(1, Ordering::SeqCst), 0);
                manyhands::sleep(moment);
                plain_inside.fetch_sub(1, Ordering::SeqCst);
                *held += 1;
            }
        },
        async move {
            for _ in 0..20 {
                let mut held = future.lock_async().await;
                assert_eq!(future_inside.fetch_add(1, Ordering::SeqCst), 0);
                spawn_async(async {}).await.unwrap();
                future_inside.fetch_sub(1, Ordering::SeqCst);
                *held += 1;
            }
        },
        || (),
    );
    assert_eq!(*mutex.lock(), 60);
}

#[test]
fn a_read_write_lock_is_shared_by_all_three() {
    let lock = Arc::new(RwLock::new((0, 0)));
    let (plain, future) = (Arc::clone(&lock), Arc::clone(&lock));
    on_all_three(
        move || {
            for round in 0..ROUNDS {
                if round % 3 == 0 {
                    let mut pair = plain.write();
                    pair.0 += 1;
                    pair.1 += 1;
                } else {
                    let pair = plain.read();
                    assert_eq!(pair.0, pair.1);
                }
            }
        },
        async move {
            for round in 0..ROUNDS {
                if round % 3 == 0 {
                    let mut pair = future.write_async().await;
                    pair.0 += 1;
                    pair.1 += 1;
                } else {
                    let pair = future.read_async().await;
                    assert_eq!(pair.0, pair.1);
                }
            }
        },
        || (),
    );
    assert_eq!(*lock.read(), (ROUNDS, ROUNDS));
}

#[test]
fn a_reentrant_mutex_tells_the_coroutines_of_one_thread_apart() {
    let mutex = Arc::new(ReentrantMutex::new(Cell::new(0)));
    let coroutines: AnyExecutor = "coroutines:1".parse().unwrap();
    let tasks: Vec<Task<()>> = (0..4)
        .map(|_| {
            let mutex = Arc::clone(&mutex);
            coroutines.spawn(move || {
                for _ in 0..50 {
                    let held = mutex.lock();
                    let again = mutex.lock();
                    let before = held.get();
                    // The others of the thread run here, and are kept out.
                    manyhands::yield_now();
                    again.set(before + 1);
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.result().unwrap());
    assert_eq!(mutex.lock().get(), 200);
}

#[test]
fn a_coroutine_and_a_thread_that_wait_for_each_other_are_told_once() {
    let (one, two) = (Arc::new(Mutex::named("one", ())), Arc::new(Mutex::named("two", ())));
    let taken = Arc::new(AtomicUsize::new(0));
    let told: Vec<String> = ["threads:1", "coroutines:1"]
        .map(|model| {
            let executor: AnyExecutor = model.parse().unwrap();
            let (first, second) = match model {
                "threads:1" => (Arc::clone(&one), Arc::clone(&two)),
                _ => (Arc::clone(&two), Arc::clone(&one)),
            };
            let taken = Arc::clone(&taken);
            let task = executor.spawn(move || {
                let _first = first.lock();
                taken.fetch_add(1, Ordering::SeqCst);
                eventually("both have one", || taken.load(Ordering::SeqCst) == 2);
                second.lock_checked().map(drop).err().map(|deadlock| deadlock.to_string())
            });
            (executor, task)
        })
        .map(|(_executor, task)| task.result().unwrap())
        .into_iter()
        .flatten()
        .collect();
    let [report] = &told[..] else { panic!("one is told: {told:?}") };
    for part in ["mutex 'one'", "mutex 'two'", "coroutine", "thread"] {
        assert!(report.contains(part), "{part} is not in: {report}");
    }
}

#[test]
fn an_async_task_and_a_thread_that_wait_for_each_other_are_told_once() {
    let (one, two) = (Arc::new(Mutex::named("one", ())), Arc::new(Mutex::named("two", ())));
    let taken = Arc::new(AtomicUsize::new(0));
    let threads: AnyExecutor = "threads:1".parse().unwrap();
    let thread = threads.spawn({
        let (one, two, taken) = (Arc::clone(&one), Arc::clone(&two), Arc::clone(&taken));
        move || {
            let _one = one.lock();
            taken.fetch_add(1, Ordering::SeqCst);
            eventually("both have one", || taken.load(Ordering::SeqCst) == 2);
            two.lock_checked().map(drop).err().map(|deadlock| deadlock.to_string())
        }
    });
    let task = spawn_async(async move {
        let _two = two.lock_async().await;
        taken.fetch_add(1, Ordering::SeqCst);
        while taken.load(Ordering::SeqCst) < 2 {
            spawn_async(async {}).await.unwrap();
        }
        one.lock_async_checked().await.map(drop).err().map(|deadlock| deadlock.to_string())
    });
    let told = [thread.result().unwrap(), task.result().unwrap()];
    let told: Vec<&String> = told.iter().flatten().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["mutex 'one'", "mutex 'two'", "async task", "thread"] {
        assert!(told[0].contains(part), "{part} is not in: {}", told[0]);
    }
}
