//! What several processes change together: a manager's objects, a counter, a queue.

use super::contender::{Fields, in_python, player};
use crate::arguments::Scale;
use crate::measure::{Against, Case, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::bare;

const OPERATIONS: Fields = &[("sets", 1.0), ("gets", 1.0), ("appends", 1.0)];
const NS: Fields = &[("ns", 1.0)];
const RATE: Fields = &[("rate", 1.0)];

const PYTHON_MANAGER: &str = "Python Manager";
const PYTHON_VALUE: &str = "Python Value";
const PYTHON_QUEUE: &str = "Python Queue";

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    vec![manager(scale), counter(scale, 1), counter(scale, 2), queue(scale)]
}

fn manager(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(50_000, 200);
    let row = |name, about: String, metric| RowSpec {
        name,
        about,
        unit: "per s",
        better: Better::Higher,
        metric,
        against: Against::Only(&[PYTHON_MANAGER]),
        bar: Some(5.0),
    };
    let what = format!("{count} values set in a manager's map by another process");
    let for_python = count / 5;
    Case {
        rows: vec![
            row("manager_set", what, 0),
            row("manager_get", "as many taken from it".to_owned(), 1),
            row("manager_push", "as many pushed to a manager's list".to_owned(), 2),
        ],
        contenders: vec![
            player(OURS, "manager", &[&count], OPERATIONS),
            player("ours, in its own process", "manager-here", &[&count], OPERATIONS),
            in_python(PYTHON_MANAGER, &[], &[&"manager", &"-", &for_python, &1], OPERATIONS),
        ],
    }
}

fn counter(scale: Scale, parties: u64) -> Case<'static> {
    let count: u64 = scale.pick(20_000_000, 1_000);
    let (name, about) = match parties {
        1 => ("counter", format!("{count} additions to a SharedAtomic, one process")),
        _ => ("counter_two", "the same by two processes at the same time, each so many".to_owned()),
    };
    let mut contenders = vec![
        player(OURS, "additions", &[&parties, &count], NS),
        player(bare::LOCAL_ATOMIC, "local-additions", &[&parties, &count], NS),
    ];
    if parties == 1 {
        let for_python = count.div_ceil(100);
        contenders.push(in_python(PYTHON_VALUE, &[], &[&"counter", &"-", &for_python, &1], NS));
    }
    Case {
        rows: vec![RowSpec {
            name,
            about,
            unit: "ns",
            better: Better::Lower,
            metric: 0,
            against: Against::Only(&[bare::LOCAL_ATOMIC]),
            bar: Some(2.0),
        }],
        contenders,
    }
}

fn queue(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(200_000, 500);
    Case {
        rows: vec![RowSpec {
            name: "queue",
            about: format!("{count} numbers from another process through a Queue"),
            unit: "per s",
            better: Better::Higher,
            metric: 0,
            against: Against::Only(&[PYTHON_QUEUE]),
            bar: None,
        }],
        contenders: vec![
            player(OURS, "queue", &[&count], RATE),
            player("ours, Pipe", "pipe", &[&count], RATE),
            in_python(PYTHON_QUEUE, &[], &[&"queue", &"-", &count, &1], RATE),
        ],
    }
}
