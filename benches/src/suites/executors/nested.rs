//! Tasks that submit tasks to their own pool and wait for them: Fibonacci's numbers the slow way.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use manyhands::ThreadPool;

use super::WORKERS;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::ours;
use crate::report::Better;
use crate::rivals::{rayon, tokio};

const TOKIO: &str = "tokio, spawn and await";

pub(super) fn case(scale: Scale) -> Case<'static> {
    let n: u64 = scale.pick(20, 10);
    let turns = scale.pick(20, 1);
    let inside_ours = move || {
        let pool = Arc::new(ThreadPool::new(WORKERS)?);
        rate(n, turns, || {
            let inner = Arc::clone(&pool);
            pool.spawn(move || ours::fibonacci(&inner, n)).result().context("a task failed")?
        })
    };
    let inside_rayon = move || {
        let pool = rayon::pool(WORKERS)?;
        rate(n, turns, || Ok(pool.install(|| rayon::fibonacci(n))))
    };
    let inside_tokio = move || {
        let runtime = tokio::runtime(WORKERS)?;
        rate(n, turns, || {
            runtime.block_on(runtime.spawn(tokio::fibonacci(n))).context("a task failed")?
        })
    };
    Case {
        rows: vec![RowSpec {
            name: "nested",
            about: format!(
                "fib({n}) with a task for every left branch, awaited in the pool; threadpool and \
                 rusty_pool would wait for ever, rayon's join has no handles and allocates nothing"
            ),
            unit: "tasks/s",
            better: Better::Higher,
            metric: 0,
            against: Against::Only(&[TOKIO]),
            bar: None,
        }],
        contenders: vec![
            Contender::single(OURS, inside_ours),
            Contender::single(TOKIO, inside_tokio),
            Contender::single("rayon, join", inside_rayon),
        ],
    }
}

/// Computes the number over and over; tasks in a second.
fn rate(
    n: u64,
    turns: u32,
    mut compute: impl FnMut() -> anyhow::Result<u64>,
) -> anyhow::Result<f64> {
    let (mut value, mut next) = (0_u64, 1_u64);
    for _ in 0..n {
        (value, next) = (next, value + next);
    }
    // One task for every call with an argument from 2, and the first one.
    let tasks = next * u64::from(turns);
    ensure!(compute()? == value, "not Fibonacci's number");
    let started = Instant::now();
    for _ in 0..turns {
        ensure!(compute()? == value, "not Fibonacci's number");
    }
    Ok(tasks as f64 / started.elapsed().as_secs_f64())
}
