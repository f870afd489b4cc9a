//! Small tasks: many at a time, and one at a time.

use super::WORKERS;
use super::contender::{ADAPTIVE, EXECUTOR, Fields, PEBBLE, POOL, PYTHON, in_python, player};
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::{bare, procspawn};

const RATE: Fields = &[("rate", 1.0)];
const TIMES: Fields = &[("p50", 1.0), ("p99", 1.0)];

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    vec![submit(scale), submit_depth_1(scale), round_trip(scale)]
}

fn rate(name: &'static str, about: String, against: Against, bar: f64) -> RowSpec {
    let (unit, better) = ("tasks/s", Better::Higher);
    RowSpec { name, about, unit, better, metric: 0, against, bar: Some(bar) }
}

/// All are submitted, then every result is taken.
fn submit(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(200_000, 500);
    let what = format!("{count} small tasks submitted to two workers, then every result taken");
    let mut contenders = vec![
        player(OURS, "processes-ours", &[&"submit", &count, &WORKERS, &ADAPTIVE], RATE),
        player(
            procspawn::NAME,
            "processes-procspawn",
            &[&"submit", &(count / 10), &WORKERS, &ADAPTIVE],
            RATE,
        ),
    ];
    contenders.extend(PYTHON.map(|(name, pool, modules)| {
        // The others take so much longer that they get fewer.
        let count = if name == POOL { count / 2 } else { count / 10 };
        in_python(name, modules, &[&"submit", &pool, &count, &WORKERS], RATE)
    }));
    Case {
        rows: vec![
            rate("submit", what, Against::Ideal(500_000.0), 1.0),
            rate(
                "submit_executor",
                "the same, held against ProcessPoolExecutor".to_owned(),
                Against::Only(&[EXECUTOR]),
                30.0,
            ),
            rate(
                "submit_pool",
                "the same, held against multiprocessing.Pool".to_owned(),
                Against::Only(&[POOL]),
                10.0,
            ),
        ],
        contenders,
    }
}

/// Nobody has a task that he does not run.
fn submit_depth_1(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(100_000, 500);
    let ours = |name, depth: &'static str| {
        player(name, "processes-ours", &[&"submit", &count, &WORKERS, &depth], RATE)
    };
    Case {
        rows: vec![rate(
            "submit_depth_1",
            format!(
                "{count} small tasks, none of which a worker has before it is done with another"
            ),
            Against::Ideal(60_000.0),
            1.0,
        )],
        contenders: vec![
            ours(OURS, "1"),
            ours("ours, depth 2", "2"),
            ours("ours, depth 16", "16"),
            player(
                procspawn::NAME,
                "processes-procspawn",
                &[&"submit", &(count / 5), &WORKERS, &ADAPTIVE],
                RATE,
            ),
        ],
    }
}

/// One task at a time.
fn round_trip(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(20_000, 200);
    let row = |name, about, metric, bar| RowSpec {
        name,
        about,
        unit: "us",
        better: Better::Lower,
        metric,
        against: Against::Only(&[bare::PING_PONG]),
        bar,
    };
    let what = format!("one task at a time, {count} in a row, its result awaited: median");
    let ours = |name, workers: u64| {
        player(name, "processes-ours", &[&"round-trip", &count, &workers, &ADAPTIVE], TIMES)
    };
    let mut contenders: Vec<Contender<'static>> = vec![
        ours(OURS, WORKERS),
        player(bare::PING_PONG, "ping", &[&count], TIMES),
        ours("ours, one worker", 1),
        player(
            procspawn::NAME,
            "processes-procspawn",
            &[&"round-trip", &count, &WORKERS, &ADAPTIVE],
            TIMES,
        ),
    ];
    contenders.extend(PYTHON.map(|(name, pool, modules)| {
        // pebble answers some thousand times a second.
        let count = if name == PEBBLE { count / 10 } else { count / 4 };
        in_python(name, modules, &[&"round-trip", &pool, &count, &WORKERS], TIMES)
    }));
    Case {
        rows: vec![
            row("round_trip_p50", what, 0, Some(1.5)),
            row("round_trip_p99", "the same: 99th percentile".to_owned(), 1, None),
        ],
        contenders,
    }
}
