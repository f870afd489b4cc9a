//! Pools whose workers all wait for jobs that are queued behind them, through others: one more worker,
//! for as long as it is needed, or a deadlock that says so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use manyhands_executor::{Task, TaskError, TaskHandle, wait_all};
use manyhands_threads::{Thread, ThreadPool};

use crate::patience::{Gate, eventually};

fn of_one() -> Arc<ThreadPool> {
    Arc::new(ThreadPool::new(1).unwrap())
}

fn strict() -> Arc<ThreadPool> {
    Arc::new(ThreadPool::builder().workers(1).relief(0).build().unwrap())
}

/// A job on `first` waits for one on `second`, which waits for another one on `first`.
fn there_and_back(
    first: &Arc<ThreadPool>,
    second: &Arc<ThreadPool>,
) -> Task<Result<u32, TaskError>> {
    let (a, b) = (Arc::clone(first), Arc::clone(second));
    first.spawn(move || {
        let inner = b.spawn(move || a.spawn(|| 42).result());
        inner.result().and_then(|outcome| outcome)
    })
}

#[test]
fn two_pools_of_one_that_wait_for_each_other_go_on() {
    let (a, b) = (of_one(), of_one());
    assert_eq!(there_and_back(&a, &b).result().unwrap().unwrap(), 42);
}

#[test]
fn the_worker_that_was_started_ends_when_it_is_not_needed_any_more() {
    let (a, b) = (of_one(), of_one());
    for _ in 0..20 {
        assert_eq!(there_and_back(&a, &b).result().unwrap().unwrap(), 42);
    }
    eventually("the pools are as small as they were", || {
        [&a, &b].iter().all(|pool| {
            let now = pool.statistics();
            now.relief == 0 && now.workers <= 1
        })
    });
}

#[test]
fn three_pools_in_a_ring_go_on() {
    let pools = [of_one(), of_one(), of_one()];
    fn round(pools: &[Arc<ThreadPool>; 3], at: usize, left: usize) -> Result<usize, TaskError> {
        if left == 0 {
            return Ok(at);
        }
        let all = pools.clone();
        pools[at % 3].spawn(move || round(&all, at + 1, left - 1)).result()?
    }
    assert_eq!(round(&pools, 0, 30).unwrap(), 30);
}

#[test]
fn a_strict_pool_has_one_of_the_waits_end_with_the_report() {
    let (a, b) = (strict(), strict());
    let error = there_and_back(&a, &b).result().unwrap().unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    let report = error.deadlock().expect("found in this process").to_string();
    assert!(report.contains("result of task"), "{report}");
    assert!(a.statistics().started == 1 && b.statistics().started == 1);
}

/// Two pools whose jobs each wait for one in the other pool, and what came of that.
struct Spiral {
    pools: [ThreadPool; 2],
    deepest: AtomicUsize,
    most_workers: AtomicUsize,
    told: Mutex<Vec<TaskError>>,
}

impl Spiral {
    fn deeper(self: &Arc<Spiral>, depth: usize) {
        self.deepest.fetch_max(depth, Ordering::SeqCst);
        for pool in &self.pools {
            self.most_workers.fetch_max(pool.statistics().workers, Ordering::SeqCst);
        }
        // Whoever is told makes room for some more; that has an end here.
        if depth < 20 {
            let this = Arc::clone(self);
            let inner = self.pools[depth % 2].spawn(move || this.deeper(depth + 1));
            if let Err(error) = inner.result() {
                self.told.lock().unwrap().push(error);
            }
        }
    }
}

#[test]
fn the_relief_has_a_bound() {
    let of_three = || ThreadPool::builder().workers(1).relief(2).build().unwrap();
    let spiral = Arc::new(Spiral {
        pools: [of_three(), of_three()],
        deepest: AtomicUsize::new(0),
        most_workers: AtomicUsize::new(0),
        told: Mutex::default(),
    });
    spiral.deeper(0);
    // Two workers to begin with and two more for each pool, all of which wait before somebody is told.
    assert!(spiral.deepest.load(Ordering::SeqCst) >= 6);
    assert!(spiral.most_workers.load(Ordering::SeqCst) <= 3);
    let told = spiral.told.lock().unwrap();
    assert!(!told.is_empty() && told.iter().all(TaskError::is_deadlock), "{told:?}");
}

#[test]
fn room_in_a_queue_whose_workers_all_wait_is_made() {
    let relieved = ThreadPool::builder().workers(1).queue_bound(1).build().unwrap();
    let (waiting, last) = fill_while_the_worker_waits(relieved);
    assert_eq!(last.result().unwrap(), 7);
    assert_eq!(waiting.result().unwrap(), Ok(()));
}

#[test]
fn room_in_a_strict_queue_whose_workers_all_wait_is_a_deadlock() {
    let strict = ThreadPool::builder().workers(1).queue_bound(1).relief(0).build().unwrap();
    let (waiting, last) = fill_while_the_worker_waits(strict);
    // Whoever blocks last finds it, and is told. Then the other one goes on.
    let report = match (waiting.result().unwrap(), last.result()) {
        (Err(report), Ok(7)) => report,
        (Ok(()), Err(error)) if error.is_deadlock() => error.message().to_owned(),
        outcomes => panic!("one of them learns it: {outcomes:?}"),
    };
    assert!(report.contains("room in the queue"), "{report}");
}

/// The only worker waits for a thread that submits more than the queue has room for. Returns what
/// comes of its wait, and the last of the tasks.
fn fill_while_the_worker_waits(pool: ThreadPool) -> (Task<Result<(), String>>, Task<u32>) {
    let pool = Arc::new(pool);
    let begun = Arc::new(Gate::default());
    let filler = Thread::spawn({
        let (pool, begun) = (Arc::clone(&pool), Arc::clone(&begun));
        move || {
            begun.pass();
            let _queued = pool.spawn(|| ());
            pool.spawn(|| 7)
        }
    });
    let handle: TaskHandle = filler.handle();
    let waiting = pool.spawn(move || {
        begun.open();
        handle.wait_checked().map_err(|deadlock| deadlock.to_string())
    });
    (waiting, filler.join().unwrap())
}

#[test]
fn a_pool_that_is_merely_busy_is_no_part_of_a_deadlock_beside() {
    // A thread waits for two tasks: one that waits for the thread, and one behind a job that goes on.
    let (busy, other) = (of_one(), of_one());
    let goes_on = Arc::new(Gate::default());
    let in_the_way = busy.spawn({
        let goes_on = Arc::clone(&goes_on);
        move || goes_on.pass()
    });
    let queued = busy.spawn(|| 1);
    let place: Arc<Mutex<Option<TaskHandle>>> = Arc::default();
    let circular = other.spawn({
        let (place, goes_on) = (Arc::clone(&place), Arc::clone(&goes_on));
        move || {
            eventually("the thread is known", || place.lock().unwrap().is_some());
            let thread = place.lock().unwrap().take().unwrap();
            let told = thread.wait_checked().is_err();
            goes_on.open(); // for the thread, if it was not the one that was told
            u32::from(told)
        }
    });
    let thread = Thread::spawn(move || {
        let _split = wait_all(&[&circular, &queued]);
        circular.result().unwrap()
    });
    *place.lock().unwrap() = Some(thread.handle());
    // Whichever of the two has begun to wait last is told.
    let told = match thread.join() {
        Ok(told) => told == 1,
        Err(error) => error.is_deadlock(),
    };
    assert!(told);
    in_the_way.result().unwrap();
    assert_eq!(busy.statistics().started, 1);
}

#[test]
fn a_worker_that_leaves_leaves_nobody_behind_who_waits_for_the_queue() {
    // Workers come and go by `blocking` while others wait for each other's queued jobs in a circle: who
    // leaves must not be the one that would have found it.
    let (a, b) = (of_one(), of_one());
    for _ in 0..200 {
        let block = a.spawn(|| manyhands_threads::blocking(std::thread::yield_now));
        let first = there_and_back(&a, &b);
        let second = there_and_back(&b, &a);
        assert_eq!(first.result().unwrap().unwrap(), 42);
        assert_eq!(second.result().unwrap().unwrap(), 42);
        block.result().unwrap();
    }
}
