//! Who takes part, and how a job is given to them: as words to a process that prints JSON.

use std::process::Command;

use crate::measure::{Contender, OURS};
use crate::process::{answer, number, part, python};
use crate::rivals::{go, may, tokio_tasks};

pub(super) const GO: &str = "Go";
pub(super) const GEVENT: &str = "gevent";
pub(super) const GREENLET: &str = "greenlet";

const SCRIPT: &str = "coroutines.py";
const MODULES: &[&str] = &["gevent"];

/// Which program plays a contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// This one, in the part of this name.
    Part(&'static str),
    Go,
    Python,
}

/// Those on one thread that do the same for their users, by name.
pub(super) const LIGHT: [(&str, Program); 6] = [
    (OURS, Program::Part("light-ours")),
    (tokio_tasks::ONE_THREAD, Program::Part("light-tokio")),
    (tokio_tasks::MANY_THREADS, Program::Part("light-tokio-threads")),
    (may::NAME, Program::Part("light-may")),
    (GO, Program::Go),
    (GEVENT, Program::Python),
];

impl Program {
    /// A command that does the job of these words.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn command(self, words: &[String]) -> Result<Command, String> {
        match self {
            Program::Part(name) => part(name, words).map_err(|error| format!("{error:#}")),
            Program::Go => go::command(words),
            Program::Python => python(SCRIPT, MODULES, words),
        }
    }

    /// A contender that does the job once each turn; its figures are these fields of the answer,
    /// each divided by the number beside it.
    pub(super) fn contender(
        self,
        name: impl Into<String>,
        words: &[&dyn ToString],
        fields: &'static [(&'static str, f64)],
    ) -> Contender<'static> {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        if let Err(why) = self.command(&words) {
            return Contender::missing(name, why);
        }
        // Made anew for each turn: a command runs once.
        Contender::new(name, move || {
            let answer = answer(self.command(&words).map_err(anyhow::Error::msg)?)?;
            fields.iter().map(|(field, unit)| Ok(number(&answer, field)? / unit)).collect()
        })
    }
}
