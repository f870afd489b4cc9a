//! The parts of this program: words in, one line of JSON out.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contender::ADAPTIVE;
use super::jobs::Job;
use crate::measure::percentile;
use crate::ours::processes::{self as ours, memory, sharing};
use crate::process::tell;
use crate::rivals::{Workers, bare, procspawn};
use crate::suites::Part;

pub(super) const PARTS: &[Part] = &[
    Part { name: "processes-ours", play: pool::<ours::Pool> },
    Part { name: "processes-procspawn", play: pool::<procspawn::Pool> },
    Part { name: "manager", play: |words| manager(words, sharing::manager) },
    Part { name: "manager-here", play: |words| manager(words, sharing::manager_here) },
    Part { name: "additions", play: |words| additions(words, sharing::additions) },
    Part { name: "local-additions", play: |words| additions(words, bare::local_additions) },
    Part { name: "queue", play: |words| rate(words, sharing::queue) },
    Part { name: "pipe", play: |words| rate(words, sharing::pipe) },
    Part { name: "shared", play: |words| taken(words, memory::shared) },
    Part { name: "copied", play: |words| taken(words, memory::copied) },
    Part { name: "ping", play: ping },
    Part { name: "pong", play: |_| bare::pong() },
    Part { name: "start-true", play: start_true },
];

/// JOB NUMBER WORKERS DEPTH, where DEPTH is a number or `adaptive`.
fn pool<P: Workers>(words: &[String]) -> Result<()> {
    let [job, count, workers, depth] = words else {
        bail!("a job needs JOB NUMBER WORKERS DEPTH, not {words:?}");
    };
    let depth = match depth.as_str() {
        ADAPTIVE => None,
        depth => Some(usize::try_from(number(depth)?)?),
    };
    let workers = usize::try_from(number(workers)?)?;
    tell(Job { number: number(count)?, workers, depth }.run::<P>(job)?)
}

/// COUNT.
fn manager(words: &[String], job: fn(u64) -> Result<[f64; 3]>) -> Result<()> {
    let [sets, gets, appends] = job(first(words)?)?;
    tell(json!({ "sets": sets, "gets": gets, "appends": appends }))
}

/// PARTIES COUNT.
fn additions(words: &[String], job: fn(u64, u64) -> Result<f64>) -> Result<()> {
    let count = words.get(1).context("a number is missing")?;
    tell(json!({ "ns": job(first(words)?, number(count)?)? }))
}

/// COUNT.
fn rate(words: &[String], job: fn(u64) -> Result<f64>) -> Result<()> {
    tell(json!({ "rate": job(first(words)?)? }))
}

/// COUNT.
fn taken(words: &[String], job: fn(usize) -> Result<memory::Taken>) -> Result<()> {
    let taken = job(usize::try_from(first(words)?)?)?;
    tell(json!({ "proportional": taken.proportional_bytes, "anonymous": taken.anonymous_bytes }))
}

/// COUNT.
fn ping(words: &[String]) -> Result<()> {
    let mut times_us = bare::ping(first(words)?)?;
    let (p50, p99) = (percentile(&mut times_us, 0.5), percentile(&mut times_us, 0.99));
    tell(json!({ "p50": p50, "p99": p99 }))
}

/// COUNT.
fn start_true(words: &[String]) -> Result<()> {
    let once = |_| {
        let started = std::time::Instant::now();
        bare::start_true()?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    };
    let mut times_ms: Vec<f64> = (0..first(words)?).map(once).collect::<Result<_>>()?;
    let answer: Value = json!({ "ms": percentile(&mut times_ms, 0.5) });
    tell(answer)
}

/// The first word, a number.
fn first(words: &[String]) -> Result<u64> {
    number(words.first().context("a number is missing")?)
}

fn number(word: &str) -> Result<u64> {
    word.parse().with_context(|| format!("{word} is no number"))
}
