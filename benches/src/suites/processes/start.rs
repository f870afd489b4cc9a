//! Starts: of a pool until its first result, of a process that does nothing.

use super::WORKERS;
use super::contender::{ADAPTIVE, Fields, LOKY, PYTHON, in_python, player};
use crate::arguments::Scale;
use crate::measure::{Against, Case, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::{bare, procspawn};

const MS: Fields = &[("ms", 1.0)];

const FORK: &str = "Python Process, fork";
const SPAWN: &str = "Python Process, spawn";

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    vec![first_result(scale), process(scale)]
}

fn row(name: &'static str, about: String, against: Against, bar: Option<f64>) -> RowSpec {
    RowSpec { name, about, unit: "ms", better: Better::Lower, metric: 0, against, bar }
}

fn first_result(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(40, 2);
    let mut contenders = vec![
        player(OURS, "processes-ours", &[&"first", &count, &WORKERS, &ADAPTIVE], MS),
        player(
            procspawn::NAME,
            "processes-procspawn",
            &[&"first", &count, &WORKERS, &ADAPTIVE],
            MS,
        ),
    ];
    contenders.extend(PYTHON.map(|(name, pool, modules)| {
        // It starts an interpreter for each worker.
        let count = if name == LOKY { count.div_ceil(8) } else { count };
        in_python(name, modules, &[&"first", &pool, &count, &WORKERS], MS)
    }));
    let what = format!("a pool of two made and one result taken: median of {count}");
    Case { rows: vec![row("first_result", what, Against::Ideal(5.0), Some(1.0))], contenders }
}

fn process(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(200, 2);
    let what = format!("a process that does nothing started and joined: median of {count}");
    let in_python = |name, method: &'static str, count: u64| {
        in_python(name, &[], &[&"process", &method, &count, &WORKERS], MS)
    };
    Case {
        rows: vec![row("process_start", what, Against::Only(&[FORK]), None)],
        contenders: vec![
            player(OURS, "processes-ours", &[&"process", &count, &WORKERS, &ADAPTIVE], MS),
            in_python(FORK, "fork", count),
            in_python(SPAWN, "spawn", count.div_ceil(10)),
            player(
                procspawn::NAME,
                "processes-procspawn",
                &[&"process", &count, &WORKERS, &ADAPTIVE],
                MS,
            ),
            player(bare::TRUE, "start-true", &[&count], MS),
        ],
    }
}
