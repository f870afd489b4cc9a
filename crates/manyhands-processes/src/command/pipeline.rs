//! Several programs, the output of each being the input of the next.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::builder::{Command, Limits, ProcessGroup};
use super::error::{CommandError, CommandErrorKind};
use super::exchange::{Finished, Verdict};
use super::output::CommandOutput;
use super::run::{Place, early_end, exchange, may_wait, unknown_end, unsuccessful};
use crate::exit_status::ExitStatus;
use crate::memory::Bytes;

/// Programs that run at the same time, the standard output of each being the standard input of the
/// next, as with `a | b | c` in a shell. Made by [`Command::pipe`].
///
/// The first one's input and the last one's output are what their commands say. Everybody's standard
/// error is their own. They share one process group, as the first one's command wishes, and are ended
/// together. Of limits that commands bring along, the narrowest counts for the whole; with
/// [`check`](Command::check) on one command its failure alone is an error, with
/// [`check`](Self::check) on the pipeline that of any.
///
/// ```
/// use manyhands_processes::Command;
///
/// let sorted = Command::new("printf").arg(r"pear\napple\npear\n")
///     .pipe(Command::new("sort"))
///     .pipe(Command::new("uniq").arg("-c"))
///     .check(true)
///     .output()?;
/// assert_eq!(sorted.stdout_text().split_whitespace().collect::<Vec<_>>(), ["1", "apple", "2", "pear"]);
/// assert_eq!(sorted.statuses().len(), 3);
/// # Ok::<(), manyhands_processes::CommandError>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[must_use = "call `output`"]
pub struct Pipeline {
    commands: Vec<Command>,
    limits: Limits,
    check: bool,
}

impl Pipeline {
    pub(super) fn new(first: Command, second: Command) -> Pipeline {
        let limits = first.limits;
        Pipeline { commands: vec![first], limits, check: false }.pipe(second)
    }

    /// Connects the output of the last program with the input of another.
    pub fn pipe(mut self, next: Command) -> Pipeline {
        self.limits = Limits {
            timeout: self.limits.timeout.into_iter().chain(next.limits.timeout).min(),
            grace: self.limits.grace.min(next.limits.grace),
            max_output: self.limits.max_output.into_iter().chain(next.limits.max_output).min(),
        };
        self.commands.push(next);
        self
    }

    /// Ends all programs so long after their start, as [`Command::timeout`] does.
    pub fn timeout(mut self, limit: Duration) -> Pipeline {
        self.limits.timeout = Some(limit);
        self
    }

    /// How long they may take to end after SIGTERM, before SIGKILL. Default: 1 second.
    pub fn grace(mut self, grace: Duration) -> Pipeline {
        self.limits.grace = grace;
        self
    }

    /// Ends all programs when one captured stream is longer than so many bytes.
    pub fn max_output(mut self, bytes: u64) -> Pipeline {
        self.limits.max_output = Some(bytes);
        self
    }

    /// Whether it is an error if any of the programs fails: `set -o pipefail`. That includes one that
    /// is ended by SIGPIPE, because the next one has ended without reading everything. Default: no.
    #[doc(alias = "pipefail")]
    pub fn check(mut self, check: bool) -> Pipeline {
        self.check = check;
        self
    }

    /// Runs all programs to their end. Waits and ends as [`Command::output`] does.
    ///
    /// # Errors
    /// As [`Command::output`]. If one program was not started, those before it are killed.
    #[track_caller]
    pub fn output(&self) -> Result<PipelineOutput, CommandError> {
        self.may_start()?;
        may_wait(self)?;
        let finished = exchange(&self.commands, self.limits, true, Place::Here)?.run_here();
        self.conclude(finished)
    }

    /// [`output`](Self::output) for async code, like [`Command::output_async`].
    ///
    /// # Errors
    /// As [`output`](Self::output).
    pub fn output_async(
        &self,
    ) -> impl Future<Output = Result<PipelineOutput, CommandError>> + Send + use<> {
        let pipeline = self.clone();
        async move {
            pipeline.may_start()?;
            let exchange = exchange(&pipeline.commands, pipeline.limits, true, Place::Async)?;
            pipeline.conclude(exchange.run_async().await)
        }
    }

    fn may_start(&self) -> Result<(), CommandError> {
        let invalid = |why: String| {
            Err(CommandError::new(CommandErrorKind::InvalidInput, self.to_string(), why))
        };
        let last = self.commands.len() - 1;
        if self.commands[0].group == ProcessGroup::Session {
            return invalid("a session of its own is for one program, not for a pipeline".into());
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 && command.stdin.is_some() {
                return invalid(format!("`{command}` reads from the program before it"));
            }
            if index < last && command.stdout.is_some() {
                return invalid(format!("`{command}` writes to the program after it"));
            }
        }
        Ok(())
    }

    fn conclude(&self, finished: Finished) -> Result<PipelineOutput, CommandError> {
        let Finished { verdict, statuses, stdout, stderr } = finished;
        let failed = |index: &usize| {
            statuses.get(*index).copied().flatten().is_none_or(|status| !status.is_success())
        };
        // The last that failed, as in a shell.
        let last_failed = || (0..self.commands.len()).rev().filter(failed);
        let checked = |index: &usize| self.check || self.commands[*index].check;
        let partial = |of: usize| {
            let stderr = stderr.get(of).cloned().unwrap_or_default();
            CommandOutput::new(statuses.get(of).copied().flatten(), stdout.clone(), stderr)
        };
        if !matches!(verdict, Verdict::Ended) {
            let culprit = last_failed().next().unwrap_or_default();
            let error = early_end(&self.to_string(), &self.limits, verdict);
            return Err(error.with_output(partial(culprit)));
        }
        if let Some(unknown) = statuses.iter().position(Option::is_none) {
            return Err(unknown_end(&self.commands[unknown]).with_output(partial(unknown)));
        }
        let known: Vec<ExitStatus> = statuses.iter().copied().flatten().collect();
        if let Some(culprit) = last_failed().find(checked) {
            let error = unsuccessful(&self.commands[culprit], known[culprit]);
            return Err(error.with_output(partial(culprit)));
        }
        let stderr = stderr.into_iter().map(Bytes::from).collect();
        Ok(PipelineOutput { statuses: known, stdout: stdout.into(), stderr })
    }
}

/// The command lines with `|` between them.
impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, command) in self.commands.iter().enumerate() {
            let separator = if index == 0 { "" } else { " | " };
            write!(f, "{separator}{command}")?;
        }
        Ok(())
    }
}

/// How the programs of a pipeline ended and what they wrote where output is captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineOutput {
    statuses: Vec<ExitStatus>,
    stdout: Bytes,
    stderr: Vec<Bytes>,
}

impl PipelineOutput {
    /// How each program ended, in their order.
    #[doc(alias = "PIPESTATUS")]
    pub fn statuses(&self) -> &[ExitStatus] {
        &self.statuses
    }

    /// How the whole ended: as the last program that failed, or well if none did. That is the status
    /// of a shell's pipeline with `set -o pipefail`; without it, it is the last of
    /// [`statuses`](Self::statuses).
    pub fn status(&self) -> ExitStatus {
        let failed = self.statuses.iter().rev().find(|status| !status.is_success());
        *failed.or(self.statuses.last()).expect("a pipeline has at least two programs")
    }

    /// What the last program wrote to standard output; nothing if that was not captured.
    pub fn stdout(&self) -> &[u8] {
        &self.stdout
    }

    /// Standard output as text; what is not UTF-8 is replaced.
    pub fn stdout_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// What each program wrote to standard error, in their order; nothing where that was not
    /// captured.
    pub fn stderr(&self) -> impl Iterator<Item = &[u8]> {
        self.stderr.iter().map(|bytes| &bytes[..])
    }
}
