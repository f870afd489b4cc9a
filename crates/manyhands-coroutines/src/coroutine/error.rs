//! Why a coroutine cannot be switched to.

use std::fmt;

use super::link::Link;

/// The coroutine cannot be switched to. The value comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwitchError<In> {
    /// It has ended.
    Dead(In),
    /// It runs: it switches to itself, or waits further out for whoever wants to switch to it.
    Running(In),
}

impl<In> SwitchError<In> {
    /// The value that was not delivered.
    pub fn into_value(self) -> In {
        match self {
            SwitchError::Dead(value) | SwitchError::Running(value) => value,
        }
    }

    /// The text of a panic, with the coroutine's name and number.
    pub(super) fn with_link(&self, link: &Link) -> String {
        let id = link.running.id();
        let name = link.running.name().map(|name| format!(" '{name}'")).unwrap_or_default();
        format!("cannot switch to coroutine{name} #{id}: {}", self.why())
    }

    fn why(&self) -> &'static str {
        match self {
            SwitchError::Dead(_) => "it has ended",
            SwitchError::Running(_) => "it is running, or waits for one that is",
        }
    }
}

impl<In> fmt::Display for SwitchError<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot switch to the coroutine: {}", self.why())
    }
}

impl<In: fmt::Debug> std::error::Error for SwitchError<In> {}
