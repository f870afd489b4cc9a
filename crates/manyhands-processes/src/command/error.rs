//! Why a program did not do what it was started for.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use super::output::CommandOutput;
use crate::exit_status::ExitStatus;

/// What sort of failure a [`CommandError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CommandErrorKind {
    /// There is no such program.
    NotFound,
    /// There is such a file, but it cannot be run: no permission, no known format, or the
    /// interpreter it names is missing.
    NotExecutable,
    /// The working directory does not exist or may not be entered.
    NoDirectory,
    /// What was asked for makes no sense: an empty program, a NUL byte, standard output merged into
    /// itself.
    InvalidInput,
    /// The operating system did not start the program, for another reason: too many processes or
    /// open files, arguments too long, a file for a standard stream that cannot be opened.
    NotStarted,
    /// The program ended with another exit code than 0 or by a signal, and was asked not to
    /// ([`check`](super::Command::check)).
    #[doc(alias = "CalledProcessError")]
    Failed,
    /// The program did not end in time and was ended.
    #[doc(alias = "TimeoutExpired")]
    TimedOut,
    /// The program wrote more than [`max_output`](super::Command::max_output) and was ended.
    TooMuchOutput,
    /// Reading from the program, writing to it or waiting for it failed.
    Io,
}

/// Why a program did not do what it was started for. Portable: it may be the error of a
/// task on any executor.
#[derive(Clone, Serialize, Deserialize)]
pub struct CommandError {
    inner: Box<Inner>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Inner {
    kind: CommandErrorKind,
    command: String,
    message: String,
    os_error: Option<i32>,
    output: Option<CommandOutput>,
}

impl CommandError {
    /// What sort of failure it is.
    pub fn kind(&self) -> CommandErrorKind {
        self.inner.kind
    }

    /// The command line, quoted as for a shell.
    pub fn command(&self) -> &str {
        &self.inner.command
    }

    /// The number of the operating system's error (`errno`), if it was one.
    pub fn os_error(&self) -> Option<i32> {
        self.inner.os_error
    }

    /// How the program ended, if it did.
    pub fn status(&self) -> Option<ExitStatus> {
        self.inner.output.as_ref().and_then(CommandOutput::status)
    }

    /// What the program had written until it ended or was ended, as far as that was captured; `None`
    /// if it was never started.
    pub fn output(&self) -> Option<&CommandOutput> {
        self.inner.output.as_ref()
    }

    /// Whether there is no such program.
    pub fn is_not_found(&self) -> bool {
        self.kind() == CommandErrorKind::NotFound
    }

    /// Whether the program did not end in time.
    pub fn is_timed_out(&self) -> bool {
        self.kind() == CommandErrorKind::TimedOut
    }

    /// Whether the program ended with a failure.
    pub fn is_failed(&self) -> bool {
        self.kind() == CommandErrorKind::Failed
    }

    pub(super) fn new(
        kind: CommandErrorKind,
        command: impl Into<String>,
        message: impl Into<String>,
    ) -> CommandError {
        let inner = Inner {
            kind,
            command: command.into(),
            message: message.into(),
            os_error: None,
            output: None,
        };
        CommandError { inner: Box::new(inner) }
    }

    /// That `what` failed for the reason that the operating system gives.
    pub(super) fn system(
        kind: CommandErrorKind,
        command: impl Into<String>,
        what: impl fmt::Display,
        error: &io::Error,
    ) -> CommandError {
        let mut built = CommandError::new(kind, command, format!("{what}: {error}"));
        built.inner.os_error = error.raw_os_error();
        built
    }

    pub(super) fn with_output(mut self, output: CommandOutput) -> CommandError {
        self.inner.output = Some(output);
        self
    }
}

/// How much of the end of standard error a message shows.
const TAIL_BYTES: usize = 1024;

/// The end of what a program wrote to standard error, for a message: whole lines where possible.
pub(super) fn tail(stderr: &[u8]) -> String {
    let from = stderr.len().saturating_sub(TAIL_BYTES);
    let mut end = &stderr[from..];
    if from > 0
        && let Some(line) = end.iter().position(|byte| *byte == b'\n')
        && line + 1 < end.len()
    {
        end = &end[line + 1..];
    }
    String::from_utf8_lossy(end).trim_end().to_owned()
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.message)?;
        match &self.inner.output {
            Some(output) if !output.stderr().is_empty() => {
                write!(f, "; its standard error ends: {}", tail(output.stderr()))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandError")
            .field("kind", &self.inner.kind)
            .field("command", &self.inner.command)
            .field("message", &self.inner.message)
            .field("output", &self.inner.output)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for CommandError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_begins_with_a_whole_line() {
        let long = format!("{}\nthe last words\n", "x".repeat(5000));
        assert_eq!(tail(long.as_bytes()), "the last words");
        let one = "y".repeat(5000);
        assert_eq!(tail(one.as_bytes()).len(), TAIL_BYTES);
        assert_eq!(tail(b"short\n"), "short");
    }
}
