//! Futures instead of closures: the shared runtime and the pool `async[:N]` against bare tokio.

use std::time::Instant;

use anyhow::{Context, ensure};
use manyhands::{AsyncPool, Task};

use super::WORKERS;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::tokio;

const TOKIO: &str = "tokio, spawn";

pub(super) fn case(scale: Scale) -> Case<'static> {
    let tasks: u64 = scale.pick(500_000, 1_000);
    let on_shared_runtime = move || {
        spawned_by_us(tasks.min(10_000), |n| manyhands::spawn_async(async move { n }))?;
        spawned_by_us(tasks, |n| manyhands::spawn_async(async move { n }))
    };
    let on_pool = move |limit: usize| {
        move || {
            let pool = AsyncPool::new(limit)?;
            spawned_by_us(tasks.min(10_000), |n| pool.spawn_async(async move { n }))?;
            spawned_by_us(tasks, |n| pool.spawn_async(async move { n }))
        }
    };
    let on_tokio = move || {
        let runtime = tokio::runtime(WORKERS)?;
        spawned_by_tokio(&runtime, tasks.min(10_000))?;
        spawned_by_tokio(&runtime, tasks)
    };
    Case {
        rows: vec![RowSpec {
            name: "spawn_async",
            about: format!(
                "{tasks} futures handed over, then {tasks} results taken in order; ours on the \
                 shared runtime, with a worker per core"
            ),
            unit: "tasks/s",
            better: Better::Higher,
            metric: 0,
            against: Against::Only(&[TOKIO]),
            bar: None,
        }],
        contenders: vec![
            Contender::single(OURS, on_shared_runtime),
            Contender::single(TOKIO, on_tokio),
            Contender::single("ours, async:512", on_pool(512)),
            Contender::single("ours, async with room for all", on_pool(tasks as usize)),
        ],
    }
}

fn spawned_by_us(tasks: u64, spawn: impl Fn(u64) -> Task<u64>) -> anyhow::Result<f64> {
    let started = Instant::now();
    let handles: Vec<Task<u64>> = (0..tasks).map(spawn).collect();
    let mut sum = 0;
    for handle in handles {
        sum += handle.result().context("a task failed")?;
    }
    rate(tasks, started, sum)
}

fn spawned_by_tokio(runtime: &tokio::Runtime, tasks: u64) -> anyhow::Result<f64> {
    let started = Instant::now();
    let handles: Vec<_> = (0..tasks).map(|n| runtime.spawn(async move { n })).collect();
    let sum = tokio::sum(runtime, handles)?;
    rate(tasks, started, sum)
}

fn rate(tasks: u64, started: Instant, sum: u64) -> anyhow::Result<f64> {
    let took = started.elapsed();
    ensure!(sum == tasks * (tasks - 1) / 2, "a result is wrong");
    Ok(tasks as f64 / took.as_secs_f64())
}
