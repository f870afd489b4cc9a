//! The measurement of one workload: every model in turn, warm-up rounds first, then the rounds that
//! count.
//!
//! A round runs each model once, so that a machine that gets busier or a server that gets warmer
//! meets all of them alike, and an interruption leaves comparable figures behind.

use std::time::Duration;

use super::advice::{Advice, advise};
use super::figures::Figures;
use super::identity::{Difference, differences};
use super::launch::{Failure, run_once};
use super::protocol::{Client, Order, Run};
use super::sweep;
use super::workload::{POLITE, Workload};
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// How often and how patiently.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Rounds that count.
    pub repeats: usize,
    /// Rounds before them whose results are thrown away.
    pub warmup: usize,
    /// How long one request may take.
    pub timeout: Duration,
}

/// The runs of one model.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// The executor's name.
    pub model: String,
    /// The runs that count and came to their end.
    pub runs: Vec<Run>,
    /// Why a run did not come to its end; the model was given up then.
    pub failure: Option<String>,
}

/// One workload measured under several models.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    /// What was run.
    pub workload: Workload,
    /// How often and how patiently it was run.
    pub settings: Settings,
    /// The cores that this machine offers.
    pub cores: usize,
    /// The models, in the order in which they ran. After an interruption, those that had a run.
    pub models: Vec<Measured>,
    /// The figures of the models that did not break, in the same order.
    pub figures: Vec<Figures>,
    /// The model whose wall the speed-ups are against.
    pub baseline: &'static str,
    /// The tasks whose outputs were not the same everywhere.
    pub differences: Vec<Difference>,
    /// Whether the measurement was cut short.
    pub interrupted: bool,
}

impl Comparison {
    /// Whether every model ran, every task succeeded and all outputs are the same.
    pub(crate) fn is_fine(&self) -> bool {
        self.differences.is_empty()
            && self.models.iter().all(|measured| measured.failure.is_none())
            && self.figures.iter().all(|figures| figures.failed == 0)
    }

    /// Whether these are steps of the number of workers rather than different models.
    pub(crate) fn is_sweep(&self) -> bool {
        self.baseline == sweep::BASELINE
    }

    /// The advice that follows from the figures.
    pub(crate) fn advice(&self) -> Advice {
        advise(self.cores, &self.figures)
    }

    /// The fastest model, if several were measured.
    pub(crate) fn fastest(&self) -> Option<&Figures> {
        let several = self.figures.len() > 1;
        let fastest = self.figures.iter().min_by(|a, b| a.wall.median.total_cmp(&b.wall.median));
        fastest.filter(|_| several)
    }

    /// The most runs that a model has; fewer than asked for after an interruption.
    pub(crate) fn rounds(&self) -> usize {
        self.models.iter().map(|measured| measured.runs.len()).max().unwrap_or(0)
    }

    /// The runs behind the figures of a model.
    pub(crate) fn runs_of(&self, model: &str) -> &[Run] {
        let measured = self.models.iter().find(|measured| measured.model == model);
        measured.map_or(&[], |measured| &measured.runs)
    }
}

/// Runs the workload under each of `models`; speed-ups are against the one named `baseline`, if it is
/// among them.
pub(crate) async fn measure(
    workload: &Workload,
    models: &[String],
    baseline: &'static str,
    settings: Settings,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Comparison {
    let mut measured: Vec<Measured> = models
        .iter()
        .map(|model| Measured { model: model.clone(), runs: Vec::new(), failure: None })
        .collect();
    let finished = run_rounds(workload, &mut measured, settings, progress, interrupt).await;
    if !finished {
        measured.retain(|measured| !measured.runs.is_empty() || measured.failure.is_some());
    }
    let figures = figures_of(&measured, baseline);
    Comparison {
        workload: workload.clone(),
        settings,
        cores: cores(),
        differences: differences(&measured),
        models: measured,
        figures,
        baseline,
        interrupted: !finished,
    }
}

/// The cores that this machine offers to this process.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Tells whether all rounds were run; they are not when interrupted.
async fn run_rounds(
    workload: &Workload,
    measured: &mut [Measured],
    settings: Settings,
    progress: &Progress,
    interrupt: &Interrupt,
) -> bool {
    for round in 0..settings.warmup + settings.repeats {
        let counts = round >= settings.warmup;
        for measured in measured.iter_mut().filter(|measured| measured.failure.is_none()) {
            progress.message(format!("{}: {}", workload.name, measured.model));
            let order = Order {
                at_once: (!workload.is_local).then_some(POLITE),
                model: measured.model.clone(),
                tasks: workload.tasks.clone(),
                client: Client {
                    timeout_s: settings.timeout.as_secs_f64(),
                    direct: workload.is_local,
                },
            };
            match run_once(&order, interrupt).await {
                Ok(run) if counts => measured.runs.push(run),
                Ok(_) => {}
                Err(Failure::Broken(words)) => measured.failure = Some(words),
                Err(Failure::Interrupted) => return false,
            }
            progress.advance(1);
        }
    }
    true
}

fn figures_of(measured: &[Measured], baseline: &str) -> Vec<Figures> {
    let mut all: Vec<Figures> = measured
        .iter()
        .filter(|measured| measured.failure.is_none())
        .filter_map(|measured| Figures::of(&measured.model, &measured.runs))
        .collect();
    let yardstick = all.iter().find(|figures| figures.model == baseline);
    if let Some(yardstick_s) = yardstick.map(|figures| figures.wall.median) {
        for figures in &mut all {
            figures.speedup = Some(yardstick_s / figures.wall.median);
        }
    }
    all
}
