//! Many asleep at the same time: what each of them takes, and how fast they are there.

use super::contender::{GEVENT, GO, Program};
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::{may, tokio_tasks};

const KIB: f64 = 1024.0;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// 6 KB, in the unit of the row.
const MOST_KIB_EACH: f64 = 6_000.0 / KIB;
/// 10 GB, in the unit of the row.
const MOST_GIB: f64 = 10e9 / GIB;

/// may maps each stack by itself, with a guard: with more than about 32,000 of them the kernel's
/// limit of mappings is reached, and it panics.
const AS_MANY_AS_MAY_CAN: u64 = 30_000;

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    vec![idle(scale.pick(100_000, 100)), million(scale.pick(1_000_000, 200))]
}

fn row(name: &'static str, about: String, unit: &'static str, metric: usize) -> RowSpec {
    let (better, against) = (Better::Lower, Against::Only(&[GO]));
    RowSpec { name, about, unit, better, metric, against, bar: None }
}

fn idle(count: u64) -> Case<'static> {
    const FIELDS: &[(&str, f64)] = &[("bytes_each", KIB), ("table_bytes_each", 1.0)];
    let contender = |name: &str, program: Program, count: u64| -> Contender<'static> {
        program.contender(name, &[&"asleep", &count, &1], FIELDS)
    };
    Case {
        rows: vec![
            RowSpec {
                against: Against::Ideal(MOST_KIB_EACH),
                bar: Some(1.0),
                ..row(
                    "idle_memory",
                    format!("resident memory for each of {count} sleeping coroutines"),
                    "KiB",
                    0,
                )
            },
            RowSpec {
                // The others have no addresses reserved that they do not use.
                against: Against::Only(&[may::NAME]),
                ..row("idle_memory_tables", "the same: page tables for each".to_owned(), "B", 1)
            },
        ],
        contenders: vec![
            contender(OURS, Program::Part("light-ours"), count),
            contender(tokio_tasks::ONE_THREAD, Program::Part("light-tokio"), count),
            contender(may::NAME, Program::Part("light-may"), count.min(AS_MANY_AS_MAY_CAN)),
            contender(GO, Program::Go, count),
            contender(GEVENT, Program::Python, count),
        ],
    }
}

fn million(count: u64) -> Case<'static> {
    const FIELDS: &[(&str, f64)] = &[("resident_bytes", GIB), ("per_s", 1.0), ("first_per_s", 1.0)];
    const WAVES: u64 = 2;
    let contender = |name: &str, program: Program| -> Contender<'static> {
        program.contender(name, &[&"asleep", &count, &WAVES], FIELDS)
    };
    let rate = |name, about: &str, metric| RowSpec {
        better: Better::Higher,
        ..row(name, about.to_owned(), "per s", metric)
    };
    Case {
        rows: vec![
            RowSpec {
                against: Against::Ideal(MOST_GIB),
                bar: Some(1.0),
                ..row(
                    "million",
                    format!("{count} coroutines asleep at the same time: resident memory in all"),
                    "GiB",
                    0,
                )
            },
            RowSpec {
                against: Against::Ideal(1e6),
                bar: Some(1.0),
                ..rate(
                    "million_created",
                    "the same: started and run until they sleep, by a process that has had as many \
                     before",
                    1,
                )
            },
            rate("million_created_first", "the same by a new process", 2),
        ],
        contenders: vec![
            contender(OURS, Program::Part("light-ours")),
            contender(tokio_tasks::ONE_THREAD, Program::Part("light-tokio")),
            contender(GO, Program::Go),
        ],
    }
}
