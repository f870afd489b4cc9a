//! The suites: which there are, and how one is run.

mod coroutines;
mod executors;
mod http;
mod processes;
mod sync;

use std::fmt::Write as _;

use anyhow::{Context, bail};

use crate::arguments::{Order, Scale};
use crate::machine;
use crate::measure::Case;
use crate::process::end_with_parent;
use crate::report::{self, Row};
use crate::usage::allow_many_files;

/// Some cases that belong together.
pub(crate) struct Suite {
    name: &'static str,
    about: &'static str,
    cases: fn(Scale) -> Vec<Case<'static>>,
    parts: &'static [Part],
}

/// Something that this program does as a child process of itself; ends when its parent does.
pub(crate) struct Part {
    name: &'static str,
    play: fn(&[String]) -> anyhow::Result<()>,
}

const SUITES: &[&Suite] =
    &[&executors::SUITE, &http::SUITE, &coroutines::SUITE, &processes::SUITE, &sync::SUITE];

/// The suites, for the help.
pub(crate) fn list() -> String {
    let mut text = "\nSuites:\n".to_owned();
    for suite in SUITES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<13}  {}", suite.name, suite.about);
    }
    text
}

/// Plays the part of this name.
///
/// # Errors
/// When there is none, or it fails.
pub(crate) fn play(name: &str, words: &[String]) -> anyhow::Result<()> {
    let mut parts = SUITES.iter().flat_map(|suite| suite.parts);
    let part = parts.find(|part| part.name == name);
    let part = part.with_context(|| format!("{name:?} is not a part of this program"))?;
    end_with_parent();
    allow_many_files();
    (part.play)(words)
}

/// Runs a suite and prints what comes out.
///
/// # Errors
/// When there is no such suite or case, or we cannot do a job ourselves.
pub(crate) fn run(order: &Order) -> anyhow::Result<()> {
    let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
    let suite = SUITES.iter().find(|suite| suite.name == order.suite);
    let suite = suite.with_context(|| {
        format!("there is no suite {:?}; there are {}", order.suite, names.join(", "))
    })?;
    let mut cases = (suite.cases)(order.scale);
    if let Some(filter) = &order.filter {
        for case in &mut cases {
            case.rows.retain(|row| row.name.contains(filter.as_str()));
        }
        cases.retain(|case| !case.rows.is_empty());
        if cases.is_empty() {
            bail!("no case of the suite {} has {filter:?} in its name", suite.name);
        }
    }

    if order.alone {
        cases.iter_mut().for_each(Case::leave_rivals_out);
    }
    let machine = machine::facts();
    let (mut turns, mut busy_turns) = (0, 0);
    let mut before_turn = || {
        turns += 1;
        let quiet = order.when_idle.is_none_or(machine::wait_until_idle);
        busy_turns += usize::from(!quiet);
    };
    let mut rows: Vec<Row> = Vec::new();
    for case in cases {
        let (first, contenders) = (case.rows[0].name, case.contenders.len());
        eprintln!("{}: {first}: {} rounds of {contenders}", suite.name, order.repeats);
        let measured = case.measure(suite.name, order.repeats, &mut before_turn)?;
        if order.json {
            measured.iter().for_each(|row| println!("{}", report::json(row)));
        }
        rows.extend(measured);
    }
    if busy_turns > 0 {
        eprintln!("{}: {busy_turns} of {turns} turns began on a busy machine", suite.name);
    }
    if !order.json {
        print!("{machine}\n\n{}{}", report::table(&rows), report::details(&rows));
    }
    Ok(())
}
