//! The jobs that every pool of processes does, as `benches/python/processes.py` does them in Python.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use manyhands::{Bytes, sleep};
use serde_json::{Value, json};

use crate::measure::percentile;
use crate::rivals::{Workers, expect_sum};

/// How long the results of calls are waited for whose worker may be gone.
const PATIENCE: Duration = Duration::from_secs(3);

/// A byte of every page is read: less would be a payload that nobody has looked at.
const PAGE_BYTES: usize = 4096;

/// How often a payload is sent.
const PAYLOADS: usize = 5;

/// How many calls a pool gets after one of its workers aborted.
const CALLS_AFTER: u64 = 10;

/// How a job is to be done.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) workers: usize,
    pub(super) depth: Option<usize>,
}

impl Job {
    /// Does the job of this name; what it answers.
    pub(super) fn run<P: Workers>(&self, name: &str) -> Result<Value> {
        match name {
            "submit" => self.submit::<P>(),
            "round-trip" => self.round_trip::<P>(),
            "first" => self.first::<P>(),
            "into" => self.payloads::<P, Bytes>(Self::into),
            "into-text" => self.payloads::<P, String>(Self::into),
            "out" => self.payloads::<P, Bytes>(Self::out),
            "out-text" => self.payloads::<P, String>(Self::out),
            "abort" => self.abort::<P>(),
            "process" => self.process::<P>(),
            _ => bail!("there is no job {name:?}"),
        }
    }

    fn warm_pool<P: Workers>(&self) -> Result<P> {
        let pool = P::start(self.workers, self.depth)?;
        let handles: Vec<_> =
            (0..100 * self.workers as u64).map(|n| pool.submit(identity, n)).collect();
        for handle in handles {
            P::result(handle)?;
        }
        Ok(pool)
    }

    fn submit<P: Workers>(&self) -> Result<Value> {
        let pool: P = self.warm_pool()?;
        let at_a_time = self.number.min(P::MOST_AT_A_TIME);
        let started = Instant::now();
        let (mut sum, mut begun) = (0, 0);
        while begun < self.number {
            let end = (begun + at_a_time).min(self.number);
            let handles: Vec<_> = (begun..end).map(|n| pool.submit(identity, n)).collect();
            for handle in handles {
                sum += P::result(handle)?;
            }
            begun = end;
        }
        let elapsed = started.elapsed();
        expect_sum(sum, self.number)?;
        pool.end();
        Ok(json!({ "rate": self.number as f64 / elapsed.as_secs_f64() }))
    }

    fn round_trip<P: Workers>(&self) -> Result<Value> {
        let pool: P = self.warm_pool()?;
        let mut times_us = Vec::new();
        let begun = Instant::now();
        for n in 0..self.number {
            let started = Instant::now();
            ensure!(P::result(pool.submit(identity, n))? == n, "a result is wrong");
            times_us.push(started.elapsed().as_secs_f64() * 1e6);
        }
        let rate = self.number as f64 / begun.elapsed().as_secs_f64();
        pool.end();
        Ok(json!({
            "rate": rate,
            "p50": percentile(&mut times_us, 0.5),
            "p99": percentile(&mut times_us, 0.99),
        }))
    }

    fn first<P: Workers>(&self) -> Result<Value> {
        median_ms(self.number, |n| {
            let started = Instant::now();
            let pool = P::start(self.workers, self.depth)?;
            ensure!(P::result(pool.submit(identity, n))? == n, "a result is wrong");
            let elapsed = started.elapsed();
            pool.end();
            Ok(elapsed)
        })
    }

    fn process<P: Workers>(&self) -> Result<Value> {
        median_ms(self.number, |_| {
            let started = Instant::now();
            P::process()?;
            Ok(started.elapsed())
        })
    }

    /// Sends payloads of so many bytes one after the other; the fastest and the first.
    fn payloads<P: Workers, D: Payload>(
        &self,
        once: fn(&P, &D) -> Result<Duration>,
    ) -> Result<Value> {
        let pool: P = self.warm_pool()?;
        let data = D::of(usize::try_from(self.number)?);
        let times: Vec<f64> = (0..PAYLOADS)
            .map(|_| Ok(once(&pool, &data)?.as_secs_f64() * 1e3))
            .collect::<Result<_>>()?;
        pool.end();
        let first = times.first().context("nothing was sent")?;
        let fastest = times.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(json!({ "ms": fastest, "first": first }))
    }

    fn into<P: Workers, D: Payload>(pool: &P, data: &D) -> Result<Duration> {
        // A copy where a handle to the same bytes is not to be had; before the clock starts.
        let argument = data.clone();
        let started = Instant::now();
        let sum = P::result(pool.submit(|data: D| sum_of_pages(data.bytes()), argument))?;
        let elapsed = started.elapsed();
        ensure!(sum == sum_of_pages(data.bytes()), "a payload is wrong");
        Ok(elapsed)
    }

    fn out<P: Workers, D: Payload>(pool: &P, data: &D) -> Result<Duration> {
        let started = Instant::now();
        let back = P::result(pool.submit(D::of, data.bytes().len()))?;
        let sum = sum_of_pages(back.bytes());
        let elapsed = started.elapsed();
        ensure!(sum == sum_of_pages(data.bytes()), "a payload is wrong");
        Ok(elapsed)
    }

    /// The call in the middle aborts its process: how many have no result, and how many of some calls
    /// afterwards have.
    fn abort<P: Workers>(&self) -> Result<Value> {
        let pool = P::start(self.workers, self.depth)?;
        let victim = self.number / 2;
        let handles: Vec<_> =
            (0..self.number).map(|n| (n, pool.submit(maybe_abort, (n, victim)))).collect();
        let until = Instant::now() + PATIENCE;
        let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut lost = 0;
        for (n, handle) in handles {
            match P::result_within(handle, left()) {
                Ok(value) => ensure!(value == n && n != victim, "call {n} has the result {value}"),
                Err(_) => lost += 1,
            }
        }
        let after: Vec<_> = (0..CALLS_AFTER).map(|n| pool.submit(identity, n)).collect();
        let until = Instant::now() + PATIENCE;
        let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let answered =
            after.into_iter().filter_map(|handle| P::result_within(handle, left()).ok()).count();
        Ok(json!({ "lost": lost, "after": answered }))
    }
}

/// What is sent or comes back.
trait Payload: manyhands::Portable + Clone {
    /// So many bytes of it.
    fn of(bytes: usize) -> Self;

    fn bytes(&self) -> &[u8];
}

impl Payload for Bytes {
    fn of(bytes: usize) -> Bytes {
        Bytes::from(vec![b'x'; bytes])
    }

    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Payload for String {
    fn of(bytes: usize) -> String {
        "x".repeat(bytes)
    }

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

fn sum_of_pages(data: &[u8]) -> u64 {
    data.iter().step_by(PAGE_BYTES).map(|byte| u64::from(*byte)).sum()
}

fn identity(n: u64) -> u64 {
    n
}

fn maybe_abort((n, victim): (u64, u64)) -> u64 {
    if n == victim {
        std::process::abort();
    }
    sleep(Duration::from_millis(1));
    n
}

/// Milliseconds of the median time.
fn median_ms(number: u64, once: impl FnMut(u64) -> Result<Duration>) -> Result<Value> {
    let times: Vec<Duration> = (0..number).map(once).collect::<Result<_>>()?;
    let mut times_ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    Ok(json!({ "ms": percentile(&mut times_ms, 0.5) }))
}
