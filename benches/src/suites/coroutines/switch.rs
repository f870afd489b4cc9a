//! Letting others go first, and switching without anybody who schedules.

use super::contender::{GEVENT, GREENLET, LIGHT, Program};
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::{corosensei, tokio_tasks};

const NS: &[(&str, f64)] = &[("ns", 1.0)];

const SEQUENCE: &str = "ours, in sequence";
const YIELD_NOW: &str = "ours, yield_now";
const PYTHON_SEQUENCE: &str = "Python, in sequence";

fn row(name: &'static str, about: &str, against: Against, bar: Option<f64>) -> RowSpec {
    let about = about.to_owned();
    RowSpec { name, about, unit: "ns", better: Better::Lower, metric: 0, against, bar }
}

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    vec![
        Case {
            rows: vec![
                row(
                    "yield",
                    "two coroutines of a hub let each other go first by yield_now; CPU time for \
                     each time",
                    Against::Ideal(25.0),
                    Some(1.0),
                ),
                row(
                    "yield_tokio",
                    "the same, held against tokio's yield_now",
                    Against::Only(&[tokio_tasks::ONE_THREAD, tokio_tasks::MANY_THREADS]),
                    Some(1.0 / 8.0),
                ),
            ],
            contenders: yields(scale.pick(5_000_000, 1_000), 2),
        },
        Case {
            rows: vec![row(
                "yield_1000",
                "the same among 1,000 coroutines",
                Against::Only(&[tokio_tasks::ONE_THREAD, tokio_tasks::MANY_THREADS]),
                None,
            )],
            contenders: yields(scale.pick(5_000_000, 10_000), scale.pick(1_000, 100)),
        },
        switch_loop(scale),
        Case {
            rows: vec![row(
                "switch",
                "a bare coroutine switched to and back, a number each way; CPU time for the pair",
                Against::Only(&[corosensei::NAME]),
                Some(1.5),
            )],
            contenders: {
                let count: u64 = scale.pick(50_000_000, 1_000);
                vec![
                    Program::Part("switch-pairs").contender(OURS, &[&count], NS),
                    Program::Part("switch-pairs-corosensei").contender(
                        corosensei::NAME,
                        &[&count],
                        NS,
                    ),
                ]
            },
        },
    ]
}

fn yields(count: u64, among: u64) -> Vec<Contender<'static>> {
    let contender = |(name, program): (&'static str, Program)| {
        let count = if name == GEVENT { count / 10 } else { count };
        program.contender(name, &[&"yields", &count, &among], NS)
    };
    LIGHT.into_iter().map(contender).collect()
}

/// Two loops, a sum and a product, which switch to each other after each step: switching where
/// nothing waits only costs.
fn switch_loop(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(20_000_000, 1_000);
    let for_python = count / 10;
    let python =
        |name, job: &'static str| Program::Python.contender(name, &[&job, &for_python, &"-"], NS);
    Case {
        rows: vec![
            row(
                "switch_loop",
                "a sum in one bare coroutine, a product in another, which switch to each other \
                 after each step; CPU time for a step; held against greenlet",
                Against::Only(&[GREENLET]),
                Some(1.0 / 10.0),
            ),
            row(
                "switch_loop_sequence",
                "the same, held against the two loops one after the other",
                Against::Only(&[SEQUENCE]),
                None,
            ),
        ],
        contenders: vec![
            Program::Part("switch-loop").contender(OURS, &[&count], NS),
            Program::Part("yield-loop").contender(YIELD_NOW, &[&count], NS),
            Program::Part("sequence").contender(SEQUENCE, &[&count], NS),
            python(GREENLET, "switch-loop"),
            python(PYTHON_SEQUENCE, "sequence"),
        ],
    }
}
