//! Submit → result: how many tasks a second go through a pool, each with a handle of its own.

use std::time::Instant;

use anyhow::ensure;
use manyhands::ThreadPool;

use super::WORKERS;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::ours;
use crate::report::Better;
use crate::rivals::{Pool, async_executor, python, rayon, rusty_pool, threadpool, tokio};
use crate::usage::cpu_s;

/// Tasks before the measured ones: threads are started, queues and the allocator have grown.
const WARM_UP: u64 = 20_000;

const RATE: usize = 0;
const CPU: usize = 1;

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let tasks = scale.pick(1_000_000, 2_000);
    let slow = scale.pick(200_000, 1_000);
    let row = |name, about, against, bar| RowSpec {
        name,
        about,
        unit: "tasks/s",
        better: Better::Higher,
        metric: RATE,
        against,
        bar,
    };
    let cpu_row = |name, against| RowSpec {
        name,
        about: "the same: CPU time for a task, of all threads".to_owned(),
        unit: "ns",
        better: Better::Lower,
        metric: CPU,
        against,
        bar: None,
    };
    let with_handles =
        Against::AllBut(&[rayon::WithSharedChannel::NAME, BY_NAME, tokio::SpawnBlocking::NAME]);
    let all_at_once = Case {
        rows: vec![
            row(
                "submit_result",
                format!("{tasks} closures handed over, then {tasks} results taken in order"),
                with_handles.clone(),
                Some(1.0),
            ),
            cpu_row("submit_result_cpu", with_handles.clone()),
        ],
        contenders: vec![
            all_of::<ThreadPool>(OURS, tasks),
            all_of::<rayon::WithOneshot>(rayon::WithOneshot::NAME, tasks),
            all_of::<tokio::Spawn>(tokio::Spawn::NAME, tasks),
            all_of::<threadpool::WithOneshot>(threadpool::WithOneshot::NAME, tasks),
            all_of::<async_executor::Spawn>(async_executor::Spawn::NAME, tasks),
            all_of::<rusty_pool::Evaluate>(rusty_pool::Evaluate::NAME, tasks),
            all_of::<rayon::WithSharedChannel>(rayon::WithSharedChannel::NAME, tasks),
            all_of::<tokio::SpawnBlocking>(tokio::SpawnBlocking::NAME, slow),
            functions_by_name(tasks),
        ],
    };
    let few = scale.pick(40_000, 500);
    let in_python = |name, tasks: u64| {
        let words = vec!["submit-result".to_owned(), tasks.to_string(), WORKERS.to_string()];
        python::contender(name, "executors.py", &[], words, &["rate"])
    };
    let against_python = Case {
        rows: vec![row(
            "submit_result_python",
            format!(
                "the same {tasks} in Python, whose rate is better when there are fewer ({few})"
            ),
            Against::Only(&[python::THREAD_POOL]),
            Some(50.0),
        )],
        contenders: vec![
            all_of::<ThreadPool>(OURS, tasks),
            in_python(python::THREAD_POOL, tasks),
            in_python("Python, fewer tasks", few),
        ],
    };
    let windows = scale.pick(1_000, 4);
    let in_windows = Case {
        rows: vec![
            row(
                "submit_result_windows",
                format!("{windows} times 1000 closures handed over and their results taken"),
                with_handles.clone(),
                None,
            ),
            cpu_row("submit_windows_cpu", with_handles),
        ],
        contenders: vec![
            windows_of::<ThreadPool>(OURS, windows),
            windows_of::<rayon::WithOneshot>(rayon::WithOneshot::NAME, windows),
            windows_of::<tokio::Spawn>(tokio::Spawn::NAME, windows),
            windows_of::<threadpool::WithOneshot>(threadpool::WithOneshot::NAME, windows),
            windows_of::<async_executor::Spawn>(async_executor::Spawn::NAME, windows),
            windows_of::<rusty_pool::Evaluate>(rusty_pool::Evaluate::NAME, windows),
            windows_of::<rayon::WithSharedChannel>(rayon::WithSharedChannel::NAME, windows),
        ],
    };
    vec![all_at_once, against_python, in_windows]
}

const BY_NAME: &str = "ours, \"threads:2\", fn";

fn all_of<P: Pool>(name: &'static str, tasks: u64) -> Contender<'static> {
    Contender::new(name, move || {
        let pool = P::start(WORKERS)?;
        window(&pool, WARM_UP.min(tasks))?;
        timed(tasks, || window(&pool, tasks))
    })
}

fn windows_of<P: Pool>(name: &'static str, windows: u64) -> Contender<'static> {
    Contender::new(name, move || {
        let pool = P::start(WORKERS)?;
        window(&pool, 1_000)?;
        timed(windows * 1_000, || (0..windows).try_for_each(|_| window(&pool, 1_000)))
    })
}

/// The figures of a turn: tasks a second, and CPU time for each in nanoseconds.
fn timed(tasks: u64, run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Vec<f64>> {
    let (cpu, started) = (cpu_s()?, Instant::now());
    run()?;
    let (took_s, cpu_s) = (started.elapsed().as_secs_f64(), cpu_s()? - cpu);
    Ok(vec![tasks as f64 / took_s, cpu_s / tasks as f64 * 1e9])
}

/// Hands over so many closures, then takes their results.
fn window<P: Pool>(pool: &P, tasks: u64) -> anyhow::Result<()> {
    let handles: Vec<P::Handle> = (0..tasks).map(|n| pool.spawn(move || n)).collect();
    ensure_sum(pool.sum(handles)?, tasks)
}

/// What most programs do: an executor that was asked for by name, and a plain function.
fn functions_by_name(tasks: u64) -> Contender<'static> {
    Contender::new(BY_NAME, move || {
        let executor = ours::by_name(&format!("threads:{WORKERS}"))?;
        let run = |tasks| ensure_sum(ours::submit_functions(&executor, tasks)?, tasks);
        run(WARM_UP.min(tasks))?;
        timed(tasks, || run(tasks))
    })
}

fn ensure_sum(sum: u64, tasks: u64) -> anyhow::Result<()> {
    let expected = tasks * (tasks - 1) / 2;
    ensure!(sum == expected, "the results add up to {sum} instead of {expected}");
    Ok(())
}
