//! Everything at once, at random: submitters, workers, cancellations, waits with limits, ends.
//!
//! Small in an ordinary run. `MANYHANDS_STRESS=60` goes on for 60 seconds; `MANYHANDS_SEED=…`
//! repeats the choices (not the interleaving) of a run that printed its seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use manyhands_executor::{
    Executor, ExecutorExt, InProcess, Shutdown, Task, TaskOptions, as_completed_timeout, wait_all,
    wait_any_timeout,
};
use manyhands_threads::{ThreadPool, blocking};

use crate::patience::LONG;

/// Runs `f`; if it takes more than a minute beyond what was asked for, prints what everybody waits
/// for and ends the process.
pub(crate) fn watched<R>(f: impl FnOnce() -> R) -> R {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let limit = LONG + asked_for();
    let watchdog = std::thread::spawn(move || {
        if let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = receiver.recv_timeout(limit) {
            eprintln!("it hangs:\n{}", manyhands_wait::dump());
            std::process::abort();
        }
    });
    let value = f();
    drop(sender);
    watchdog.join().unwrap();
    value
}

/// How long the stress is to last: `MANYHANDS_STRESS`, in seconds.
fn asked_for() -> Duration {
    let seconds = std::env::var("MANYHANDS_STRESS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// A small generator of random numbers (xorshift), so that a seed repeats a run.
struct Random(u64);

impl Random {
    fn seeded() -> Random {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let given = std::env::var("MANYHANDS_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or(u64::from(now.subsec_nanos()) | 1);
        println!("MANYHANDS_SEED={seed}");
        Random(seed)
    }

    fn fork(&mut self) -> Random {
        Random(self.next() | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Counts what became of the code of tasks, against what their outcomes say.
#[derive(Default)]
struct Tally {
    begun: AtomicUsize,
    finished: AtomicUsize,
}

/// One task of a random kind. Its value is its number.
fn submit(pool: &Arc<ThreadPool>, random: &mut Random, tally: &Arc<Tally>, n: u64) -> Task<u64> {
    let tally = Arc::clone(tally);
    let kind = random.below(8);
    let inner = Arc::downgrade(pool);
    let body = move || {
        tally.begun.fetch_add(1, Ordering::Relaxed);
        match kind {
            0 => std::panic::resume_unwind(Box::new("one of many")),
            1 => manyhands_wait::sleep(Duration::from_micros(n % 200)),
            2 => blocking(std::thread::yield_now),
            3 => {
                if let Some(pool) = inner.upgrade() {
                    // Refused once the pool was closed.
                    let _value = pool.spawn(move || n).result();
                }
            }
            4 => manyhands_wait::check_cancelled(),
            5 => {
                if let Some(pool) = inner.upgrade() {
                    let tasks: Vec<_> = (0..3).map(|_| pool.spawn(move || n)).collect();
                    assert_eq!(wait_all(tasks).done.len(), 3);
                }
            }
            _ => {}
        }
        tally.finished.fetch_add(1, Ordering::Relaxed);
        n
    };
    let mut options = TaskOptions::new();
    match random.below(6) {
        0 => options = options.priority(random.below(5) as i32 - 2),
        1 => options = options.deadline(Instant::now() + Duration::from_micros(random.below(500))),
        2 => options = options.time_limit(Duration::from_micros(random.below(500))),
        _ => {}
    }
    if random.below(5) == 0 {
        return pool.with(options).spawn_async(async move { body() });
    }
    pool.with(options).spawn(body)
}

/// Waits for a task in one of the ways there are, and sees that it ended once, in a lawful way.
fn settle(mut task: Task<u64>, n: u64, random: &mut Random) {
    match random.below(6) {
        0 => drop(task.cancel()),
        1 => drop(task.result_timeout(Duration::from_micros(random.below(50))).map(|outcome| {
            assert_outcome(outcome, n);
        })),
        2 => drop(wait_any_timeout([&task], Duration::from_micros(random.below(50)))),
        3 => as_completed_timeout([&task], Duration::from_micros(random.below(50))).for_each(drop),
        4 => return, // dropped: it runs on its own
        _ => {}
    }
    if task.is_done() && task.outcome().is_none() {
        // Its callbacks run, or its outcome was taken just now.
        let handle = task.handle();
        assert!(handle.wait_timeout(LONG).is_ok(), "it never ended: {task:?}");
        if task.outcome().is_none() {
            return;
        }
    }
    let outcome = task.result_timeout(LONG);
    let Ok(outcome) = outcome else { panic!("it never ended: {task:?}") };
    assert_outcome(outcome, n);
}

fn assert_outcome(outcome: Result<u64, manyhands_executor::TaskError>, n: u64) {
    match outcome {
        Ok(value) => assert_eq!(value, n),
        Err(error) => assert!(
            error.is_cancelled()
                || error.is_rejected()
                || error.is_timed_out()
                || error.message() == "one of many",
            "{error:?}"
        ),
    }
}

#[test]
fn everything_at_once() {
    let mut random = Random::seeded();
    let end = Instant::now() + asked_for();
    let mut rounds = 0;
    while rounds < 30 || Instant::now() < end {
        rounds += 1;
        watched(|| one_pool(&mut random));
    }
}

fn one_pool(random: &mut Random) {
    const SUBMITTERS: usize = 4;
    let mut builder = ThreadPool::builder().workers(1 + random.below(4) as usize);
    if random.below(3) == 0 {
        builder = builder.queue_bound(1 + random.below(8) as usize);
    }
    let pool = Arc::new(builder.build().unwrap());
    let tally = Arc::new(Tally::default());
    let each = 20 + random.below(60);
    let how = [Shutdown::WAIT, Shutdown::CANCEL_QUEUED][random.below(2) as usize];
    let ends_early = random.below(2) == 0;
    let called = Arc::new(AtomicUsize::new(0));
    let submitted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SUBMITTERS {
            let mut random = random.fork();
            let (pool, tally, called) = (&pool, &tally, &called);
            let submitted = &submitted;
            scope.spawn(move || {
                for n in 0..each {
                    let task = submit(pool, &mut random, tally, n);
                    submitted.fetch_add(1, Ordering::Relaxed);
                    let (once, called) = (AtomicBool::new(false), Arc::clone(called));
                    task.on_done(move |_| {
                        assert!(!once.swap(true, Ordering::Relaxed));
                        called.fetch_add(1, Ordering::Relaxed);
                    });
                    settle(task, n, &mut random);
                }
            });
        }
        if ends_early {
            let enough = random.below(SUBMITTERS as u64 * each) as usize;
            while submitted.load(Ordering::Relaxed) < enough {
                std::thread::yield_now();
            }
            pool.shutdown(how);
        }
    });
    pool.shutdown(Shutdown::WAIT);
    let all = SUBMITTERS * each as usize;
    assert_eq!(called.load(Ordering::Relaxed), all, "each task ended once");
    assert!(tally.finished.load(Ordering::Relaxed) <= tally.begun.load(Ordering::Relaxed));
    assert!(tally.begun.load(Ordering::Relaxed) <= all, "some code ran twice");
    let statistics = pool.statistics();
    assert_eq!((statistics.workers, statistics.running, statistics.queued), (0, 0, 0));
    assert_eq!(statistics.blocked, 0);
}
