//! `manyhands compare`: one workload under several models, side by side.
//!
//! The parent ([`measure`], [`launch`]) starts a fresh process for every run of a model; that
//! process ([`child`], [`task`], [`usage`]) runs the workload through the `Executor` interface and
//! answers with what it measured of itself ([`protocol`]). From the runs come the [`figures`], the
//! check that all outputs are the same ([`identity`]) and the [`advice`]; they are shown as a
//! [`table`], as [`json`], and as a page ([`crate::report`]). [`crash`] shows instead what a task that
//! aborts takes with it.

mod advice;
mod args;
mod child;
mod compute;
mod crash;
mod failures;
mod figures;
mod identity;
mod json;
mod launch;
mod measure;
mod protocol;
mod sentences;
mod sweep;
mod table;
mod task;
mod usage;
mod workload;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use manyhands::Model;
use url::Url;

pub(crate) use self::args::CompareArgs;
pub(crate) use self::child::run_model;
pub(crate) use self::crash::run_crash;
pub(crate) use self::failures::failed_tasks;
pub(crate) use self::figures::{Figures, Spread, typical_run};
use self::measure::Settings;
pub(crate) use self::measure::{Comparison, cores};
pub(crate) use self::protocol::{Outcome, Run, Sample};
pub(crate) use self::sweep::{Optimum, optimum, workers};
use self::workload::{Kind, Workload};
use crate::exit::{Exit, Usage, complain};
use crate::input;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report;
use crate::site::SiteProcess;

/// Measures what the arguments ask for and prints it.
///
/// # Errors
/// When there is nothing to run, the site does not start, or the results cannot be written. What
/// goes wrong inside a model or a task is part of the result instead.
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<Exit> {
    check_models(&args.models)?;
    if args.crash {
        return crash::run(&args.models, args.json);
    }
    let (urls, invalid_lines) = read_urls(args)?;
    let kinds = kinds(args, &urls)?;
    if let Some(path) = &args.html {
        check_writable(path)?;
    }
    let interrupt = Interrupt::install()?;
    let needs_site = urls.is_empty() && kinds.iter().any(|kind| kind.needs_site());
    let site = if needs_site { Some(SiteProcess::start(args.latency)?) } else { None };
    let workloads = workloads(args, &kinds, &urls, site.as_ref())?;

    let comparisons = measure_all(args, &workloads, &interrupt)?;
    drop(site);
    if let Some(path) = &args.html {
        let page = report::page(&comparisons);
        std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(match interrupt.signal() {
        Some(signal) => Exit::Interrupted(signal),
        None if invalid_lines == 0 && comparisons.iter().all(Comparison::is_fine) => Exit::Success,
        None => Exit::Failures,
    })
}

/// Better to know before minutes of measuring than after.
fn check_writable(path: &Path) -> anyhow::Result<()> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map(drop).with_context(|| format!("cannot write {}", path.display()))
}

/// Figures are told apart by their models' names, so a model may be there once only.
fn check_models(models: &[Model]) -> anyhow::Result<()> {
    let twice = models.iter().enumerate().find(|(at, model)| models[..*at].contains(model));
    match twice {
        Some((_, model)) => Err(Usage(format!("{model} is there twice in --models")).into()),
        None => Ok(()),
    }
}

/// The URLs of the arguments, then those of the file; wrong lines are reported and counted.
fn read_urls(args: &CompareArgs) -> anyhow::Result<(Vec<Url>, usize)> {
    let mut urls = args.urls.clone();
    let Some(path) = &args.file else { return Ok((urls, 0)) };
    let list = input::read_list(path)?;
    for line in &list.invalid {
        complain(&line.to_string());
    }
    urls.extend(list.urls);
    if urls.is_empty() {
        return Err(Usage(format!("there is no URL in {}", path.display())).into());
    }
    Ok((urls, list.invalid.len()))
}

/// The kinds of workload to run besides plain fetching of given URLs.
fn kinds(args: &CompareArgs, urls: &[Url]) -> anyhow::Result<Vec<Kind>> {
    let of_the_site = args.workloads.iter().find(|&&kind| kind != Kind::Mixed);
    match of_the_site {
        Some(_) if !urls.is_empty() => {
            let words = "with URLs, the only workload is mixed; leave out the URLs for the others";
            Err(Usage(words.to_owned()).into())
        }
        _ if !args.workloads.is_empty() || !urls.is_empty() => Ok(args.workloads.clone()),
        // Where tasks only wait, one worker for each is best; a curve needs work that also computes.
        _ if args.sweep.is_some() => Ok(vec![Kind::Pages, Kind::Mixed]),
        _ => Ok(vec![Kind::Pages, Kind::Json]),
    }
}

fn workloads(
    args: &CompareArgs,
    kinds: &[Kind],
    urls: &[Url],
    site: Option<&SiteProcess>,
) -> anyhow::Result<Vec<Workload>> {
    if kinds.is_empty() {
        return Ok(vec![workload::of_urls(urls)]);
    }
    kinds.iter().map(|kind| kind.workload(urls, site, args.effort)).collect()
}

/// Measures workload after workload and prints each as soon as it is measured.
fn measure_all(
    args: &CompareArgs,
    workloads: &[Workload],
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<Comparison>> {
    let settings = settings(args);
    let models_of = |workload: &Workload| match args.sweep {
        Some(most) => sweep::ladder(most),
        None if args.models.is_empty() => workload.default_models.clone(),
        None => args.models.iter().map(Model::to_string).collect(),
    };
    let baseline = if args.sweep.is_some() { sweep::BASELINE } else { "sequential" };
    let rounds = settings.warmup + settings.repeats;
    let runs: usize = workloads.iter().map(|workload| models_of(workload).len() * rounds).sum();
    let progress = Progress::new(runs as u64, "runs");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime that watches over the models")?;

    let mut comparisons = Vec::new();
    for (position, workload) in workloads.iter().enumerate() {
        let models = models_of(workload);
        let measuring =
            measure::measure(workload, &models, baseline, settings, &progress, interrupt);
        let comparison = runtime.block_on(measuring);
        let text = rendered(&comparison, args.json, position)?;
        progress.aside(|| print(&text)).context("cannot print the results")?;
        comparisons.push(comparison);
        if interrupt.signal().is_some() {
            break;
        }
    }
    Ok(comparisons)
}

fn rendered(comparison: &Comparison, json: bool, position: usize) -> anyhow::Result<String> {
    let gap = if position > 0 { "\n\n" } else { "" };
    Ok(match (json, comparison.is_sweep()) {
        (true, false) => json::comparison(comparison)? + "\n",
        (true, true) => json::sweep(comparison)? + "\n",
        (false, false) => format!("{gap}{}", table::render(comparison)),
        (false, true) => format!("{gap}{}", sweep::render(comparison)),
    })
}

fn print(text: &str) -> std::io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn settings(args: &CompareArgs) -> Settings {
    let foreign = !args.urls.is_empty() || args.file.is_some();
    let warmup = args.warmup.unwrap_or(u16::from(foreign));
    Settings { repeats: args.repeats.into(), warmup: warmup.into(), timeout: args.timeout }
}
