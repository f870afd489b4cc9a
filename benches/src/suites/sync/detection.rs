//! How soon a deadlock is found: from when the last one begins to wait.

use super::threads::apart;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec, percentile};
use crate::ours::sync::circle;
use crate::report::Better;
use crate::rivals::sync::detecting;

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let case = |name, threads: usize, rounds: u32, most_ms| Case {
        rows: vec![RowSpec {
            name,
            about: format!(
                "{threads} threads that wait for each other in a circle: from the last one's wait to its \
                 report, median of {rounds}; beside: until one that looks all the time has found it, once"
            ),
            unit: "ms",
            better: Better::Lower,
            metric: 0,
            against: Against::Ideal(most_ms),
            bar: Some(1.0),
        }],
        contenders: vec![
            Contender::single(OURS, move || {
                apart(|| {
                    let times = (0..rounds).map(|_| circle::of_threads(threads));
                    let mut times = times.collect::<anyhow::Result<Vec<f64>>>()?;
                    Ok(percentile(&mut times, 0.5))
                })
            }),
            detecting::contender(&[&"cycle", &threads], "ms"),
        ],
    };
    vec![
        case("cycle_2", 2, scale.pick(21, 1), 5.0),
        case("cycle_100", 100, scale.pick(11, 1), 20.0),
    ]
}
