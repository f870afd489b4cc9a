//! What threads do with a lock or a queue, whoever has made it. Each measurement has threads of its own,
//! so that none finds what another has left behind on its thread.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};

use crate::rivals::expect_sum;
use crate::rivals::sync::{Lock, NestedLock, Pipe, SharedLock};
use crate::usage::Rate;

/// Does it on a thread of its own.
pub(super) fn apart<R: Send>(f: impl FnOnce() -> anyhow::Result<R> + Send) -> anyhow::Result<R> {
    thread::scope(|scope| scope.spawn(f).join().map_err(|_| anyhow!("a thread failed"))?)
}

/// Nanoseconds of taking and releasing a lock that nobody else wants.
pub(super) fn alone<L: Lock>(count: u64) -> anyhow::Result<f64> {
    apart(|| {
        let lock = L::new();
        let ns = ns_each(count, || black_box(&lock).add_one());
        ensure!(lock.total() == count / 10 + count, "an addition is missing");
        Ok(ns)
    })
}

/// The same twice, one within the other.
pub(super) fn nested<L: NestedLock>(count: u64) -> anyhow::Result<f64> {
    apart(|| {
        let lock = L::new();
        let ns = ns_each(count, || black_box(&lock).add_one_within());
        ensure!(lock.total() == count / 10 + count, "an addition is missing");
        Ok(ns)
    })
}

/// Nanoseconds of taking a lock for reading and releasing it, by one thread.
pub(super) fn reading<L: SharedLock>(count: u64) -> anyhow::Result<f64> {
    apart(|| {
        let lock = L::new(1);
        let mut sum = 0;
        let ns = ns_each(count, || sum += black_box(&lock).read());
        ensure!(sum == count / 10 + count, "something else was read");
        Ok(ns)
    })
}

/// Nanoseconds each time, after a tenth of them.
fn ns_each(count: u64, mut once: impl FnMut()) -> f64 {
    (0..count / 10).for_each(|_| once());
    let rate = Rate::start();
    (0..count).for_each(|_| once());
    rate.ns_each(count)
}

/// So many threads take a lock again and again, for so long: nanoseconds for each time that one had it.
pub(super) fn together<L: Lock>(threads: usize, time: Duration) -> anyhow::Result<f64> {
    let lock = L::new();
    let add = || lock.add_one();
    let (counted, ns) = by_turns(threads, time, add)?;
    ensure!(lock.total() == counted, "an addition is missing");
    Ok(ns)
}

/// The same for reading, which they may do at the same time.
pub(super) fn reading_together<L: SharedLock>(
    threads: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let lock = L::new(1);
    by_turns(threads, time, || _ = black_box(lock.read())).map(|(_, ns)| ns)
}

/// How often they did it together, and nanoseconds each time.
fn by_turns(threads: usize, time: Duration, once: impl Fn() + Sync) -> anyhow::Result<(u64, f64)> {
    let (begin, end) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let turns = || {
        begin.wait();
        let mut count = 0_u64;
        while !end.load(Ordering::Relaxed) {
            once();
            count += 1;
        }
        count
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(turns)).collect();
        begin.wait();
        let started = Instant::now();
        thread::sleep(time);
        end.store(true, Ordering::Relaxed);
        let elapsed = started.elapsed();
        let counts =
            running.into_iter().map(|one| one.join().map_err(|_| anyhow!("a thread failed")));
        let counted: u64 = counts.sum::<anyhow::Result<u64>>()?;
        Ok((counted, elapsed.as_secs_f64() * 1e9 / counted as f64))
    })
}

/// Numbers through a queue from one thread to another, a second.
pub(super) fn one_to_one<P: Pipe>(count: u64, room: Option<usize>) -> anyhow::Result<f64> {
    after_a_tenth(count, |count| {
        let (put, get) = P::open(room);
        through::<P>(vec![put], vec![get], count)
    })
}

/// The same from two threads to two others.
pub(super) fn two_to_two<P>(count: u64, room: Option<usize>) -> anyhow::Result<f64>
where
    P: Pipe<Out: Clone>,
{
    after_a_tenth(count, |count| {
        let (put, get) = P::open(room);
        through::<P>(vec![put.clone(), put], vec![get.clone(), get], count)
    })
}

fn after_a_tenth(count: u64, run: impl Fn(u64) -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    run(count / 10)?;
    run(count)
}

/// As many producers as consumers, who have equal shares of `count`.
fn through<P: Pipe>(puts: Vec<P::In>, gets: Vec<P::Out>, count: u64) -> anyhow::Result<f64> {
    let (producers, share) = (puts.len() as u64, count / gets.len() as u64);
    let begin = Barrier::new(puts.len() + gets.len() + 1);
    thread::scope(|scope| {
        for (first, mut end) in (0..).zip(puts) {
            let begin = &begin;
            scope.spawn(move || {
                begin.wait();
                // Whoever takes them out notices if one is missing.
                (first..share * producers).step_by(producers as usize).all(|n| P::put(&mut end, n))
            });
        }
        let consume = |mut end: P::Out| {
            let begin = &begin;
            scope.spawn(move || {
                begin.wait();
                (0..share).try_fold(0_u64, |sum, _| Some(sum + P::get(&mut end)?))
            })
        };
        let consumers: Vec<_> = gets.into_iter().map(consume).collect();
        begin.wait();
        let rate = Rate::start();
        let mut sum = 0;
        for consumer in consumers {
            let part = consumer.join().map_err(|_| anyhow!("a thread failed"))?;
            sum += part.context("the queue ended before all was out")?;
        }
        let rate = rate.of(share * producers);
        expect_sum(sum, share * producers)?;
        Ok(rate)
    })
}
