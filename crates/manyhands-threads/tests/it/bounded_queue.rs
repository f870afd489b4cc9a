//! A bounded queue: who waits for room, who is told, and who never waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use manyhands_executor::{Executor, InProcess, RejectedReason, Shutdown, wait_all};
use manyhands_threads::ThreadPool;
use manyhands_wait::{CancelToken, TimedOut, timeout, with_cancel_token};

use crate::patience::{Gate, eventually};

fn bounded(workers: usize, jobs: usize) -> ThreadPool {
    ThreadPool::builder().workers(workers).queue_bound(jobs).build().unwrap()
}

/// Keeps the only worker of a pool busy until the gate is opened.
fn occupy(pool: &ThreadPool) -> Arc<Gate> {
    let (begun, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let inside = (Arc::clone(&begun), Arc::clone(&gate));
    drop(pool.spawn(move || {
        inside.0.open();
        inside.1.pass();
    }));
    begun.pass();
    gate
}

/// Held by tests in which somebody waits for room: `waiting_for_room` counts for the whole process.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn waiting_for_room() -> usize {
    let dump = manyhands_wait::dump();
    let waits = dump.contexts.iter().filter_map(|seen| seen.wait.as_ref());
    waits.filter(|wait| wait.reason.contains("room in the queue")).count()
}

#[test]
fn try_says_that_it_is_full() {
    let _alone = alone();
    let pool = bounded(1, 2);
    let gate = occupy(&pool);
    let first = pool.try_spawn(|| 1).unwrap();
    let second = pool.try_spawn(|| 2).unwrap();
    let rejected = pool.try_spawn(|| 3).unwrap_err();
    assert_eq!(rejected.reason(), &RejectedReason::Full);
    gate.open();
    assert_eq!((first.result().unwrap(), second.result().unwrap()), (1, 2));
    eventually("there is room again", || pool.try_spawn(|| 4).is_ok());
}

#[test]
fn submitting_waits_for_room() {
    let _alone = alone();
    let pool = bounded(1, 1);
    let gate = occupy(&pool);
    let queued = pool.spawn(|| 1);
    std::thread::scope(|scope| {
        let submitters: Vec<_> = (2..5)
            .map(|n| {
                scope.spawn({
                    let pool = &pool;
                    move || pool.spawn(move || n)
                })
            })
            .collect();
        eventually("all of them wait", || waiting_for_room() == 3);
        assert!(submitters.iter().all(|submitter| !submitter.is_finished()));
        gate.open();
        let tasks: Vec<_> = submitters.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(tasks.into_iter().map(|task| task.result().unwrap()).sum::<i32>(), 9);
    });
    assert_eq!(queued.result().unwrap(), 1);
}

#[test]
fn no_more_are_queued_than_the_bound() {
    let _alone = alone();
    let pool = bounded(2, 4);
    let most = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..300 {
                    drop(pool.spawn(|| ()));
                    let now = pool.statistics();
                    // Two workers may have taken a job each that is not counted as running yet.
                    most.fetch_max(now.queued.saturating_sub(2), Ordering::Relaxed);
                }
            });
        }
    });
    pool.shutdown(Shutdown::WAIT);
    assert_eq!(pool.statistics().finished, 1200);
}

#[test]
fn the_pools_own_workers_never_wait_for_room() {
    let _alone = alone();
    let pool = Arc::new(bounded(1, 1));
    let task = pool.spawn({
        let pool = Arc::clone(&pool);
        move || {
            let tasks: Vec<_> = (0..20).map(|n| pool.spawn(move || n)).collect();
            tasks.into_iter().map(|task| task.result().unwrap()).sum::<u32>()
        }
    });
    assert_eq!(task.result().unwrap(), 190);
    eventually("what they took beyond the bound is given back", || pool.try_spawn(|| ()).is_ok());
}

#[test]
fn a_cancelled_submitter_gives_up_its_place_in_the_line() {
    let _alone = alone();
    let pool = bounded(1, 1);
    let gate = occupy(&pool);
    let _queued = pool.spawn(|| ());
    let token = CancelToken::new();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| with_cancel_token(&token, || drop(pool.spawn(|| ()))));
        eventually("the first one waits", || waiting_for_room() == 1);
        let second = scope.spawn(|| pool.spawn(|| 2).result());
        eventually("both wait", || waiting_for_room() == 2);
        token.cancel();
        assert!(first.join().unwrap().is_err());
        gate.open();
        assert_eq!(second.join().unwrap().unwrap(), 2);
    });
}

#[test]
fn a_deadline_ends_the_wait_for_room() {
    let _alone = alone();
    let pool = bounded(1, 1);
    let gate = occupy(&pool);
    let _queued = pool.spawn(|| ());
    let ended = timeout(Duration::from_millis(10), || drop(pool.spawn(|| ())));
    assert_eq!(ended, Err(TimedOut));
    gate.open();
    assert!(pool.spawn(|| ()).result().is_ok());
}

#[test]
fn giving_up_races_with_getting_room() {
    let _alone = alone();
    // A place that is given to somebody who has just given up goes to the next one.
    let pool = bounded(1, 1);
    for _ in 0..200 {
        let gate = occupy(&pool);
        let queued = pool.spawn(|| ());
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| with_cancel_token(&token, || drop(pool.spawn(|| ()))));
            let second = scope.spawn(|| pool.spawn(|| ()).result());
            eventually("both wait", || waiting_for_room() == 2);
            scope.spawn(|| gate.open());
            token.cancel();
            let _either = first.join().unwrap();
            second.join().unwrap().unwrap();
        });
        queued.result().unwrap();
    }
}

#[test]
fn closing_lets_everybody_go_who_waits_for_room() {
    let _alone = alone();
    let pool = bounded(1, 1);
    let gate = occupy(&pool);
    let queued = pool.spawn(|| 1);
    std::thread::scope(|scope| {
        let submitters: Vec<_> =
            (0..4).map(|_| scope.spawn(|| pool.spawn(|| 2).result())).collect();
        eventually("all of them wait", || waiting_for_room() == 4);
        pool.shutdown(Shutdown::DETACH);
        for submitter in submitters {
            assert!(submitter.join().unwrap().unwrap_err().is_rejected());
        }
        gate.open();
    });
    assert_eq!(queued.result().unwrap(), 1);
}

#[test]
fn cancelled_jobs_make_room() {
    let _alone = alone();
    let pool = bounded(1, 2);
    let gate = occupy(&pool);
    let tasks = [pool.spawn(|| ()), pool.spawn(|| ())];
    assert!(pool.try_spawn(|| ()).is_err());
    for task in &tasks {
        task.cancel();
    }
    gate.open();
    eventually("there is room", || pool.try_spawn(|| ()).is_ok());
}

#[test]
fn a_map_goes_through_a_small_queue() {
    let _alone = alone();
    let pool = bounded(2, 1);
    let sum: u64 = pool.map(|n: u64| n, 0..1000).map(Result::unwrap).sum();
    assert_eq!(sum, 499_500);
    let tasks: Vec<_> = (0..100).map(|n: u64| pool.spawn(move || n)).collect();
    assert_eq!(wait_all(tasks).done.len(), 100);
}
