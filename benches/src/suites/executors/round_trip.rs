//! A round trip: one task at a time is handed over and its result taken, as an outside thread
//! sees it.

use std::time::{Duration, Instant};

use manyhands::ThreadPool;

use super::WORKERS;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec, percentile};
use crate::report::Better;
use crate::rivals::{Pool, async_executor, python, rayon, rusty_pool, threadpool, tokio};
use crate::usage::cpu_s;

/// rayon as it is used by who wants one result back.
const RAYON: &[&str] = &[rayon::WithOneshot::NAME, rayon::WithSharedChannel::NAME];

/// Long enough for the workers of every pool to fall asleep.
const PAUSE: Duration = Duration::from_millis(1);

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let tasks = scale.pick(50_000, 200);
    let paused = scale.pick(1_000, 5);
    let row = |name, about, metric, bar| RowSpec {
        name,
        about,
        unit: "us",
        better: Better::Lower,
        metric,
        against: Against::Only(RAYON),
        bar,
    };
    let in_python =
        vec!["round-trip".to_owned(), scale.pick(5_000, 100).to_string(), WORKERS.to_string()];
    let mut busy = contenders(tasks, Duration::ZERO);
    let python_fields = &["p50", "p99"];
    busy.push(python::contender(
        python::THREAD_POOL,
        "executors.py",
        &[],
        in_python,
        python_fields,
    ));
    vec![
        Case {
            rows: vec![
                row(
                    "round_trip_p50",
                    format!("one task at a time, {tasks} in a row: median"),
                    0,
                    Some(1.0),
                ),
                row("round_trip_p99", "the same: 99th percentile".to_owned(), 1, None),
                row("round_trip_cpu", "the same: CPU time, of all threads".to_owned(), 2, None),
            ],
            contenders: busy,
        },
        Case {
            rows: vec![
                row(
                    "round_trip_asleep_p50",
                    format!("{paused} tasks with {PAUSE:?} between them, workers asleep: median"),
                    0,
                    None,
                ),
                row("round_trip_asleep_p99", "the same: 99th percentile".to_owned(), 1, None),
            ],
            contenders: contenders(paused, PAUSE),
        },
    ]
}

fn contenders(tasks: u64, pause: Duration) -> Vec<Contender<'static>> {
    vec![
        trips_of::<ThreadPool>(OURS, tasks, pause),
        trips_of::<rayon::WithOneshot>(rayon::WithOneshot::NAME, tasks, pause),
        trips_of::<rayon::WithSharedChannel>(rayon::WithSharedChannel::NAME, tasks, pause),
        trips_of::<rayon::Install>(rayon::Install::NAME, tasks, pause),
        trips_of::<tokio::Spawn>(tokio::Spawn::NAME, tasks, pause),
        trips_of::<threadpool::WithOneshot>(threadpool::WithOneshot::NAME, tasks, pause),
        trips_of::<async_executor::Spawn>(async_executor::Spawn::NAME, tasks, pause),
        trips_of::<rusty_pool::Evaluate>(rusty_pool::Evaluate::NAME, tasks, pause),
    ]
}

fn trips_of<P: Pool>(name: &'static str, tasks: u64, pause: Duration) -> Contender<'static> {
    Contender::new(name, move || {
        let pool = P::start(WORKERS)?;
        for n in 0..tasks / 10 {
            pool.result(pool.spawn(move || n))?;
        }
        let mut times_us = Vec::with_capacity(tasks as usize);
        let cpu = cpu_s()?;
        for n in 0..tasks {
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
            let started = Instant::now();
            pool.result(pool.spawn(move || n))?;
            times_us.push(started.elapsed().as_secs_f64() * 1e6);
        }
        let cpu_us = (cpu_s()? - cpu) / tasks as f64 * 1e6;
        Ok(vec![percentile(&mut times_us, 0.5), percentile(&mut times_us, 0.99), cpu_us])
    })
}
