//! The process that runs one model once: it reads an [`Order`], carries it out through the
//! `Executor` interface, and prints what it measured of itself as a [`Run`].

use std::io::{self, BufRead, Read, Write};

use anyhow::Context;
use manyhands::{
    AnyExecutor, Executor, ExecutorExt, InProcess, MapOptions, Model, Shutdown, Task, TaskError,
};
use rustix::process::{Signal, getpid, kill_process};
use serde::de::DeserializeOwned;

use super::protocol::{Order, Outcome, Run, Sample};
use super::task::{Assignment, perform, perform_async};
use super::usage::{children_peak_rss_bytes, core_wait_s, cpu_time, now_s, peak_rss_bytes};
use crate::exit::Exit;

/// Runs the order on standard input.
///
/// # Errors
/// When the order makes no sense or the executor cannot be made. What goes wrong in a task is part
/// of the answer.
pub(crate) fn run_model() -> anyhow::Result<Exit> {
    let order: Order = read_order()?;
    let model: Model = order.model.parse()?;
    let run = carry_out(model, &order)?;
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &run).context("cannot print the measurements")?;
    stdout.flush()?;
    Ok(Exit::Success)
}

/// Reads the order, one line of standard input, and has this process end with its parent from now on.
///
/// # Errors
/// When there is no order, or it makes no sense.
pub(crate) fn read_order<T: DeserializeOwned>() -> anyhow::Result<T> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the order")?;
    let order = serde_json::from_str(&line).context("the order makes no sense")?;
    end_with_parent()?;
    Ok(order)
}

/// Has this process killed when standard input ends: only the parent holds its other end, so the
/// parent is gone then, and nobody waits for results. Not an orderly end, which would first wait
/// for the threads that are at work.
fn end_with_parent() -> anyhow::Result<()> {
    let watch = || {
        let mut rest = Vec::new();
        // An error ends the input as well.
        let _ = io::stdin().lock().read_to_end(&mut rest);
        let _ = kill_process(getpid(), Signal::KILL);
    };
    std::thread::Builder::new()
        .name("parent watch".to_owned())
        .spawn(watch)
        .context("cannot start the thread that watches over the parent")?;
    Ok(())
}

fn carry_out(model: Model, order: &Order) -> anyhow::Result<Run> {
    let cpu_before = cpu_time()?;
    let core_wait_before_s = core_wait_s();
    let origin_s = now_s();
    let executor = model.start()?;
    let assignments = order.tasks.iter().map(|work| Assignment {
        work: work.clone(),
        client: order.client,
        origin_s,
    });
    let samples = match order.at_once.filter(|_| executor.limit().is_none()) {
        None => {
            let tasks: Vec<Task<Sample>> =
                assignments.map(|assignment| hand_out(&executor, assignment)).collect();
            tasks.into_iter().map(|task| collect(task.result(), origin_s)).collect()
        }
        Some(at_once) => {
            let options = MapOptions::new().window(at_once).chunk(1);
            let outcomes = executor.map_with(options, perform, assignments);
            outcomes.map(|outcome| collect(outcome, origin_s)).collect()
        }
    };
    // The executor's threads and processes have to be there still to tell it.
    let core_wait_s = core_wait_s() - core_wait_before_s;
    let children_peak_rss_bytes = children_peak_rss_bytes();
    executor.shutdown(Shutdown::WAIT);
    let wall_s = now_s() - origin_s;
    let cpu_s = (cpu_time()? - cpu_before).as_secs_f64();
    let peak_rss_bytes = peak_rss_bytes()? + children_peak_rss_bytes;
    Ok(Run { wall_s, cpu_s, core_wait_s, peak_rss_bytes, samples })
}

/// An async executor gets futures, which is what it is for; every other gets plain functions.
fn hand_out(executor: &AnyExecutor, assignment: Assignment) -> Task<Sample> {
    match executor.model() {
        Model::Async(_) => executor.spawn_async(perform_async(assignment)),
        _ => executor.submit(perform, assignment),
    }
}

/// A task that panicked or was lost becomes a failed sample.
fn collect(outcome: Result<Sample, TaskError>, origin_s: f64) -> Sample {
    outcome.unwrap_or_else(|error| {
        let now_s = now_s() - origin_s;
        let outcome = Outcome::Failed(error.to_string());
        Sample { worker: None, start_s: now_s, end_s: now_s, outcome }
    })
}
