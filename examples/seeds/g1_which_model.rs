//! G1: which model for which work.
//!
//! Follows the advice that all the tutorials give: threads for input and output, processes for
//! computing, coroutines for very many waits. Three workloads are run here under the models that
//! come into question, and the fastest is named; `manyhands compare` says in words why.
//!
//! Better here: the models can be compared at all, because the work is the same code under each; and
//! threads are good for computing as well, because nothing keeps them from using all cores. (So
//! processes are for what must not harm the rest: see `a_crash_costs_one_task`.)

use std::time::{Duration, Instant};

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{AnyExecutor, ExecutorExt, InProcess, Task, TaskError, as_completed};

const WAITS: u64 = 1000;

fn count_primes((from, until): (u64, u64)) -> u64 {
    let is_prime =
        |n: &u64| *n > 1 && (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (from..until).filter(is_prime).count() as u64
}

async fn fetch(session: Session, url: String) -> Result<u64, HttpError> {
    Ok(session.get(url).await?.error_for_status()?.body_length())
}

async fn wait_only(length: Duration) -> u64 {
    tokio::time::sleep(length).await;
    1
}

fn sum(tasks: Vec<Task<u64>>) -> Result<u64, TaskError> {
    as_completed(tasks).map(Task::result).sum()
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let urls = Site::start(options.scale())?.hourly_pages();

    let fetching = |executor: &AnyExecutor| -> anyhow::Result<u64> {
        let session = Session::new();
        let tasks: Vec<_> = urls
            .iter()
            .map(|url| executor.spawn_async(fetch(session.clone(), url.clone())))
            .collect();
        as_completed(tasks).map(|task| Ok(task.result()??)).sum()
    };
    let computing = |executor: &AnyExecutor| -> anyhow::Result<u64> {
        let step = (50_000.0 * options.scale()) as u64;
        let pieces = (0..16).map(|piece| (piece * step, (piece + 1) * step));
        Ok(executor.map(count_primes, pieces).sum::<Result<u64, TaskError>>()?)
    };
    let waiting = |executor: &AnyExecutor| -> anyhow::Result<u64> {
        let length = options.scaled(0.1);
        Ok(sum((0..WAITS).map(|_| executor.spawn_async(wait_only(length))).collect())?)
    };

    compare("24 small pages", &["sequential", "threads:8", "async:24"], fetching)?;
    compare("counting primes", &["sequential", "threads:8", "processes", "async:24"], computing)?;
    // One after the other would take a thousand times as long.
    compare("1000 waits at a time", &["threads:100", "async:1000"], waiting)
}

fn compare(
    work: &str,
    models: &[&str],
    run: impl Fn(&AnyExecutor) -> anyhow::Result<u64>,
) -> anyhow::Result<()> {
    let mut best = (Duration::MAX, "");
    println!("{work}:");
    for model in models {
        let executor: AnyExecutor = model.parse()?;
        let start = Instant::now();
        let result = run(&executor)?;
        let took = start.elapsed();
        println!("  {model:12} {:8.3} s  result {result}", took.as_secs_f64());
        best = best.min((took, model));
    }
    println!("  best: {}", best.1);
    Ok(())
}
