//! Python: scripts of `benches/python`, each turn a process of its own.
//!
//! A script measures its own job, without the start of the interpreter and its imports, and prints
//! one line of JSON.

use serde_json::Value;

use crate::measure::Contender;
use crate::process::{answer, number, python};

pub(crate) const THREAD_POOL: &str = "Python ThreadPoolExecutor";

/// A contender that runs `script` with these words and reads these fields of its answer.
pub(crate) fn contender<'a>(
    name: &'static str,
    script: &'static str,
    modules: &'static [&'static str],
    words: Vec<String>,
    fields: &'static [&'static str],
) -> Contender<'a> {
    match python(script, modules, &words) {
        Err(why) => Contender::missing(name, why),
        // Found anew for each turn: a command runs once.
        Ok(_) => Contender::new(name, move || {
            let command = python(script, modules, &words).map_err(anyhow::Error::msg)?;
            let answer: Value = answer(command)?;
            fields.iter().map(|field| number(&answer, field)).collect()
        }),
    }
}
