//! What `compare --json` prints: one object per workload, on one line.

use serde::Serialize;

use super::advice::Advice;
use super::figures::Figures;
use super::measure::{Comparison, Measured};
use super::sweep::{self, Optimum};

/// One comparison.
#[derive(Debug, Serialize)]
struct ComparisonObject<'a> {
    workload: &'a str,
    tasks: usize,
    cores: usize,
    models: Vec<ModelObject<'a>>,
    outputs_identical: bool,
    differing_tasks: Vec<usize>,
    interrupted: bool,
    advice: AdviceObject,
}

/// One sweep over the number of workers.
#[derive(Debug, Serialize)]
struct SweepObject<'a> {
    workload: &'a str,
    tasks: usize,
    cores: usize,
    sweep: Vec<ModelObject<'a>>,
    outputs_identical: bool,
    differing_tasks: Vec<usize>,
    interrupted: bool,
    optimum: Option<OptimumObject>,
}

/// The figures of a model; all `null` but its name if it broke.
#[derive(Debug, Serialize)]
struct ModelObject<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    runs: usize,
    wall_s: Option<f64>,
    wall_min_s: Option<f64>,
    wall_max_s: Option<f64>,
    cpu_s: Option<f64>,
    core_wait_s: Option<f64>,
    peak_rss_bytes: Option<u64>,
    ok: Option<usize>,
    failed: Option<usize>,
    bytes: Option<u64>,
    speedup: Option<f64>,
    concurrency: Option<usize>,
    concurrency_mean: Option<f64>,
    error: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct AdviceObject {
    model: Option<String>,
    why: String,
}

#[derive(Debug, Serialize)]
struct OptimumObject {
    workers: usize,
    why: String,
}

/// The object of a comparison.
///
/// # Errors
/// Never for figures that were measured; JSON has no infinities.
pub(crate) fn comparison(comparison: &Comparison) -> serde_json::Result<String> {
    let Advice { model, why } = comparison.advice();
    serde_json::to_string(&ComparisonObject {
        workload: &comparison.workload.name,
        tasks: comparison.workload.tasks.len(),
        cores: comparison.cores,
        models: models(comparison, false),
        outputs_identical: comparison.differences.is_empty(),
        differing_tasks: differing_tasks(comparison),
        interrupted: comparison.interrupted,
        advice: AdviceObject { model, why },
    })
}

/// The object of a sweep.
///
/// # Errors
/// As [`comparison`].
pub(crate) fn sweep(comparison: &Comparison) -> serde_json::Result<String> {
    let optimum = sweep::optimum(comparison.cores, &comparison.figures);
    serde_json::to_string(&SweepObject {
        workload: &comparison.workload.name,
        tasks: comparison.workload.tasks.len(),
        cores: comparison.cores,
        sweep: models(comparison, true),
        outputs_identical: comparison.differences.is_empty(),
        differing_tasks: differing_tasks(comparison),
        interrupted: comparison.interrupted,
        optimum: optimum.map(|Optimum { workers, why }| OptimumObject { workers, why }),
    })
}

fn differing_tasks(comparison: &Comparison) -> Vec<usize> {
    comparison.differences.iter().map(|difference| difference.task).collect()
}

fn models(comparison: &Comparison, with_workers: bool) -> Vec<ModelObject<'_>> {
    let find = |model: &str| comparison.figures.iter().find(|figures| figures.model == model);
    comparison
        .models
        .iter()
        .map(|measured| model_object(measured, find(&measured.model), with_workers))
        .collect()
}

fn model_object<'a>(
    measured: &'a Measured,
    figures: Option<&Figures>,
    with_workers: bool,
) -> ModelObject<'a> {
    ModelObject {
        model: &measured.model,
        workers: if with_workers { sweep::workers(&measured.model) } else { None },
        runs: measured.runs.len(),
        wall_s: figures.map(|figures| figures.wall.median),
        wall_min_s: figures.map(|figures| figures.wall.min),
        wall_max_s: figures.map(|figures| figures.wall.max),
        cpu_s: figures.map(|figures| figures.cpu_s),
        core_wait_s: figures.map(|figures| figures.core_wait_s),
        peak_rss_bytes: figures.map(|figures| figures.peak_rss_bytes),
        ok: figures.map(|figures| figures.ok),
        failed: figures.map(|figures| figures.failed),
        bytes: figures.map(|figures| figures.bytes),
        speedup: figures.and_then(|figures| figures.speedup),
        concurrency: figures.map(|figures| figures.concurrency),
        concurrency_mean: figures.map(|figures| figures.concurrency_mean),
        error: measured.failure.as_deref(),
    }
}
