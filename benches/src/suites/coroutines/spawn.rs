//! Starting one and waiting for its result, one at a time and many.

use super::contender::{GEVENT, GO, LIGHT};
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, RowSpec};
use crate::report::Better;
use crate::rivals::{may, tokio_tasks};

const NS: &[(&str, f64)] = &[("ns", 1.0)];

/// gevent takes so many times longer that it gets fewer.
const FEWER_FOR_GEVENT: u64 = 20;

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let row = |name, about: &str, against, bar| RowSpec {
        name,
        about: about.to_owned(),
        unit: "ns",
        better: Better::Lower,
        metric: 0,
        against,
        bar: Some(bar),
    };
    let all = |job: &'static str, count: u64, size: u64| -> Vec<Contender<'static>> {
        let contender = |(name, program): (&'static str, super::contender::Program)| {
            let fewer = if name == GEVENT { FEWER_FOR_GEVENT } else { 1 };
            let count = (count / fewer).max(size);
            program.contender(name, &[&job, &count, &size], NS)
        };
        LIGHT.into_iter().map(contender).collect()
    };
    let tokio_and_go = Against::Only(&[tokio_tasks::ONE_THREAD, tokio_tasks::MANY_THREADS, GO]);
    let count = scale.pick(1_000_000, 1_000);
    let batch = |name, size: u64| Case {
        rows: vec![row(
            name,
            &format!("{size} started, then {size} results taken in order; CPU time for each"),
            tokio_and_go.clone(),
            1.0,
        )],
        contenders: all("spawn-batch", count, size),
    };
    vec![
        Case {
            rows: vec![
                row(
                    "spawn_join",
                    "a coroutine started on this thread, its result awaited, again and again, \
                     from inside one; CPU time for each",
                    Against::Ideal(60.0),
                    1.0,
                ),
                row(
                    "spawn_join_tokio_go",
                    "the same, held against tasks and goroutines",
                    tokio_and_go.clone(),
                    1.0 / 5.0,
                ),
                row(
                    "spawn_join_may",
                    "the same, held against may",
                    Against::Only(&[may::NAME]),
                    1.0 / 20.0,
                ),
            ],
            contenders: all("spawn-join", count, 1),
        },
        batch("spawn_join_batch_1000", scale.pick(1_000, 100)),
        batch("spawn_join_batch_100000", scale.pick(100_000, 500)),
    ]
}
