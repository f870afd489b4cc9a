//! `manyhands compare --crash`: what a task that aborts takes with it, under each model.
//!
//! Each model runs in a process of its own ([`child`]), which tells every outcome as it comes, so
//! that what arrived before a crash is known after it. [`verdict`] adds up what was told and holds it
//! against what the model promises; [`show`] prints it.

mod child;
mod show;
mod verdict;

use anyhow::Context;
use manyhands::Model;
use serde::{Deserialize, Serialize};

pub(crate) use self::child::run_crash;
use self::verdict::Verdict;
use super::launch::{Failure, run_to_end};
use super::measure::cores;
use super::print;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// How many tasks there are.
const TASKS: u32 = 100;

/// Which of them aborts, counted from 1.
const CRASHING: u32 = 50;

/// What the child is to do, read from its standard input as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CrashOrder {
    /// The executor's name.
    model: String,
    /// How many tasks, counted from 1.
    tasks: u32,
    /// The task that aborts.
    crashing: u32,
}

/// What the child tells on standard output, one object on each line, as soon as it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    /// A task had this result.
    Result { task: u32, value: u64 },
    /// A task failed.
    Error { task: u32, worker_died: bool, message: String },
    /// What became of a task that was submitted when all had ended.
    Afterwards { result: Result<u64, String> },
}

/// Runs the demonstration under these models, or those of the default, and prints what was seen.
///
/// # Errors
/// When it cannot be printed. A model that does not do as it promises is part of the result.
pub(super) fn run(models: &[Model], json: bool) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::install()?;
    let models = if models.is_empty() {
        default_models()
    } else {
        models.iter().map(Model::to_string).collect()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime that watches over the models")?;
    let verdicts = runtime.block_on(try_all(&models, &interrupt))?;
    let text = if json { show::object(&verdicts)? + "\n" } else { show::text(&verdicts) };
    print(&text).context("cannot print the results")?;
    Ok(match interrupt.signal() {
        Some(signal) => Exit::Interrupted(signal),
        None if verdicts.iter().all(Verdict::is_as_promised) => Exit::Success,
        None => Exit::Failures,
    })
}

/// One of each kind, with several workers whatever the machine.
fn default_models() -> Vec<String> {
    let workers = cores().max(2);
    let sized = |name: &str| format!("{name}:{workers}");
    let async_model = "async".to_owned();
    [
        "sequential".to_owned(),
        sized("threads"),
        sized("coroutines"),
        async_model,
        sized("processes"),
    ]
    .into()
}

/// One model after the other; after an interruption, those that came to their end.
async fn try_all(models: &[String], interrupt: &Interrupt) -> anyhow::Result<Vec<Verdict>> {
    let progress = Progress::new(models.len() as u64, "models");
    let mut verdicts = Vec::new();
    for name in models {
        progress.message(name);
        let model: Model = name.parse()?;
        let order = CrashOrder { model: name.clone(), tasks: TASKS, crashing: CRASHING };
        match run_to_end("run-crash", &order, interrupt).await {
            Ok(ended) => verdicts.push(Verdict::of(model, &order, &ended)),
            Err(Failure::Broken(words)) => verdicts.push(Verdict::broken(model, words)),
            Err(Failure::Interrupted) => break,
        }
        progress.advance(1);
    }
    Ok(verdicts)
}
