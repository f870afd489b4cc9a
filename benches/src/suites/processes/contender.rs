//! Who takes part, and how a job is given to them: as words to a process that prints JSON.

use std::process::Command;

use crate::measure::Contender;
use crate::process::{answer, number, part, python};

pub(super) const EXECUTOR: &str = "Python ProcessPoolExecutor";
pub(super) const POOL: &str = "Python multiprocessing.Pool";
pub(super) const LOKY: &str = "loky";
pub(super) const PEBBLE: &str = "pebble";

/// Depth of a pool that decides for itself, in the words of a part.
pub(super) const ADAPTIVE: &str = "adaptive";

const SCRIPT: &str = "processes.py";

/// Python's pools: their names, what the script calls them, and which modules they need.
pub(super) const PYTHON: [(&str, &str, &[&str]); 4] = [
    (EXECUTOR, "executor", &[]),
    (POOL, "pool", &[]),
    (LOKY, "loky", &["loky"]),
    (PEBBLE, "pebble", &["pebble"]),
];

/// Fields of an answer, and by what each is divided.
pub(super) type Fields = &'static [(&'static str, f64)];

/// A contender that plays a part of this program, a process for each turn.
pub(super) fn player(
    name: impl Into<String>,
    play: &'static str,
    words: &[&dyn ToString],
    fields: Fields,
) -> Contender<'static> {
    let words = strings(words);
    Contender::new(name, move || figures(part(play, &words)?, fields))
}

/// A contender in Python, likewise.
pub(super) fn in_python(
    name: impl Into<String>,
    modules: &'static [&'static str],
    words: &[&dyn ToString],
    fields: Fields,
) -> Contender<'static> {
    let words = strings(words);
    match python(SCRIPT, modules, &words) {
        Err(why) => Contender::missing(name, why),
        // Found anew for each turn: a command runs once.
        Ok(_) => Contender::new(name, move || {
            figures(python(SCRIPT, modules, &words).map_err(anyhow::Error::msg)?, fields)
        }),
    }
}

/// What a process answers.
pub(super) fn figures(command: Command, fields: Fields) -> anyhow::Result<Vec<f64>> {
    let answer = answer(command)?;
    fields.iter().map(|(field, unit)| Ok(number(&answer, field)? / unit)).collect()
}

fn strings(words: &[&dyn ToString]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}
