//! Large payloads to a worker and back, and data that both workers read without a copy.

use super::WORKERS;
use super::contender::{ADAPTIVE, EXECUTOR, Fields, POOL, PYTHON, in_python, player};
use crate::arguments::Scale;
use crate::measure::{Against, Case, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::procspawn;

const MIB: f64 = 1024.0 * 1024.0;

const TIMES: Fields = &[("ms", 1.0), ("first", 1.0)];
const TAKEN: Fields = &[("proportional", MIB), ("anonymous", MIB)];

const TEXT: &str = "ours, a String";
const COPIED: &str = "ours, a Vec for each";

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let into = Names {
        fastest: "into_64_mib",
        first: "into_64_mib_first",
        job: "into",
        of_text: "into-text",
        what: "given to a task as Bytes",
    };
    let out = Names {
        fastest: "out_64_mib",
        first: "out_64_mib_first",
        job: "out",
        of_text: "out-text",
        what: "given back by a task as Bytes",
    };
    vec![payload(scale, &into), payload(scale, &out), shared(scale)]
}

/// The rows and the jobs for one direction.
struct Names {
    fastest: &'static str,
    first: &'static str,
    job: &'static str,
    of_text: &'static str,
    what: &'static str,
}

fn payload(scale: Scale, names: &Names) -> Case<'static> {
    let bytes: u64 = scale.pick(64 << 20, 1 << 20);
    let row = |name, about, metric, bar| RowSpec {
        name,
        about,
        unit: "ms",
        better: Better::Lower,
        metric,
        against: Against::Only(&[EXECUTOR, POOL]),
        bar,
    };
    let of = |name, play, job: &'static str| {
        player(name, play, &[&job, &bytes, &WORKERS, &ADAPTIVE], TIMES)
    };
    let mut contenders = vec![
        of(OURS, "processes-ours", names.job),
        of(TEXT, "processes-ours", names.of_text),
        of(procspawn::NAME, "processes-procspawn", names.job),
    ];
    let job = names.job;
    contenders.extend(PYTHON.map(|(name, pool, modules)| {
        in_python(name, modules, &[&job, &pool, &bytes, &WORKERS], TIMES)
    }));
    let what = format!(
        "{} MiB {}, a byte of each page read by who gets them: the fastest of five",
        bytes >> 20,
        names.what
    );
    Case {
        rows: vec![
            row(names.fastest, what, 0, Some(1.0 / 4.0)),
            row(names.first, "the same: the first of the five".to_owned(), 1, None),
        ],
        contenders,
    }
}

fn shared(scale: Scale) -> Case<'static> {
    let count: u64 = scale.pick(8 << 20, 128 << 10);
    let bytes = count * 8;
    let mib = bytes as f64 / MIB;
    let row = |name, about, metric, against, bar| {
        let (unit, better) = ("MiB", Better::Lower);
        RowSpec { name, about, unit, better, metric, against, bar: Some(bar) }
    };
    Case {
        rows: vec![
            row(
                "shared_in_all",
                format!(
                    "{mib} MiB of numbers as Shared, read by two workers: memory of all three \
                     processes (Pss); held against one copy"
                ),
                0,
                Against::Ideal(mib),
                1.1,
            ),
            row(
                "shared_own",
                "the same: memory that a worker has for itself (RssAnon); held against a copy each"
                    .to_owned(),
                1,
                Against::Only(&[COPIED]),
                0.05,
            ),
        ],
        contenders: vec![
            player(OURS, "shared", &[&count], TAKEN),
            player(COPIED, "copied", &[&count], TAKEN),
        ],
    }
}
