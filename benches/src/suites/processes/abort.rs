//! One task among a hundred aborts its process: how many results are lost with it.

use super::WORKERS;
use super::contender::{ADAPTIVE, Fields, PYTHON, figures, in_python, player};
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::process::part;
use crate::report::Better;
use crate::rivals::procspawn;

const LOST: Fields = &[("lost", 1.0), ("after", 1.0)];

/// How many tasks a worker may have at a time, in the order of the rows.
const DEPTHS: [&str; 4] = [ADAPTIVE, "1", "2", "16"];

pub(super) fn case(_: Scale) -> Case<'static> {
    const TASKS: u64 = 100;
    let lost = |name, about: &str, metric| RowSpec {
        name,
        about: about.to_owned(),
        unit: "lost",
        better: Better::Lower,
        metric,
        against: Against::Ideal(1.0),
        bar: Some(1.0),
    };
    let what = format!(
        "{TASKS} tasks of 1 ms on two workers, the one in the middle aborts its process: results \
         lost"
    );
    // Ours at each depth, as one turn; of what is answered afterwards the least.
    let ours = Contender::new(OURS, || {
        let (mut lost, mut after) = (Vec::new(), f64::INFINITY);
        for depth in DEPTHS {
            let words = ["abort".to_owned(), TASKS.to_string(), WORKERS.to_string(), depth.into()];
            let of_depth = figures(part("processes-ours", &words)?, LOST)?;
            lost.push(of_depth[0]);
            after = f64::min(after, of_depth[1]);
        }
        // The second metric, which is the last one that rivals have.
        lost.insert(1, after);
        Ok(lost)
    });
    let mut contenders = vec![
        ours,
        player(
            procspawn::NAME,
            "processes-procspawn",
            &[&"abort", &TASKS, &WORKERS, &ADAPTIVE],
            LOST,
        ),
    ];
    contenders.extend(PYTHON.map(|(name, pool, modules)| {
        in_python(name, modules, &[&"abort", &pool, &TASKS, &WORKERS], LOST)
    }));
    Case {
        rows: vec![
            lost("abort", &what, 0),
            lost("abort_depth_1", "the same, a worker has one task at a time", 2),
            lost("abort_depth_2", "the same, a worker has up to two", 3),
            lost("abort_depth_16", "the same, a worker has up to 16", 4),
            RowSpec {
                name: "abort_after",
                about:
                    "the same at the worst depth: of ten tasks afterwards, how many are answered"
                        .to_owned(),
                unit: "results",
                better: Better::Higher,
                metric: 1,
                against: Against::Ideal(10.0),
                bar: Some(1.0),
            },
        ],
        contenders,
    }
}
