//! The verbs of a command: run it to its end, or start it.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use manyhands_wait::{check_cancelled, is_interruptible};

use super::builder::{Command, Limits};
use super::error::{CommandError, CommandErrorKind};
use super::exchange::{Exchange, Finished, Verdict};
use super::launch::{Launched, Manner, launch};
use super::output::CommandOutput;
use super::pipeline::Pipeline;
use super::pipes::OutputReader;
use super::running::Running;
use crate::exit_status::ExitStatus;

impl Command {
    /// Runs the program to its end and returns how it ended and what it wrote.
    ///
    /// Waits until the program has ended *and* the captured streams are closed: what it has started
    /// in the background and left its streams to counts as part of it. It cannot come to a standstill
    /// over full pipes, whatever is read or written in which order.
    ///
    /// If the running task is cancelled or its deadline passes, the program and all in its process
    /// group are ended before this unwinds.
    ///
    /// # Errors
    /// If the program was not started, did not end within its [timeout](Self::timeout), wrote
    /// [too much](Self::max_output), or failed and was asked not to ([`check`](Self::check)). Also in
    /// a task of a current-thread runtime, where nobody could wait:
    /// [`output_async`](Self::output_async) is for those.
    #[doc(alias = "run")]
    #[doc(alias = "check_output")]
    #[track_caller]
    pub fn output(&self) -> Result<CommandOutput, CommandError> {
        self.run_here(true)
    }

    /// [`output`](Self::output) for async code. The program is started when the future is polled
    /// first. Dropping the future early kills the program and all in its process group.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub fn output_async(
        &self,
    ) -> impl Future<Output = Result<CommandOutput, CommandError>> + Send + use<> {
        let command = self.clone();
        async move { command.run_async(true).await }
    }

    /// Runs the program to its end and returns how it ended. Its output goes where ours goes, unless
    /// something else is said.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    #[doc(alias = "call")]
    #[track_caller]
    pub fn status(&self) -> Result<ExitStatus, CommandError> {
        self.run_here(false).and_then(|output| known(self, &output))
    }

    /// [`status`](Self::status) for async code, like [`output_async`](Self::output_async).
    ///
    /// # Errors
    /// As [`output`](Self::output).
    pub fn status_async(
        &self,
    ) -> impl Future<Output = Result<ExitStatus, CommandError>> + Send + use<> {
        let command = self.clone();
        async move { command.run_async(false).await.and_then(|output| known(&command, &output)) }
    }

    /// Starts the program and returns as soon as it runs: the calling thread stands still for the
    /// fraction of a millisecond that this takes. Its streams are read and written through the
    /// [`Running`], where they are captured; its output goes where ours goes otherwise.
    ///
    /// # Errors
    /// If the program was not started.
    ///
    /// ```
    /// use manyhands_processes::{Command, InputFrom, OutputTo};
    /// use std::io::{BufRead, Write};
    ///
    /// let mut program =
    ///     Command::new("cat").stdin(InputFrom::Pipe).stdout(OutputTo::Capture).start()?;
    /// program.stdin().unwrap().write_all(b"hello\n")?;
    /// let mut answer = String::new();
    /// program.stdout().unwrap().read_line(&mut answer)?;
    /// assert_eq!(answer, "hello\n");
    /// assert!(program.wait()?.is_success()); // closes the input, which is the end for `cat`
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "Popen")]
    #[doc(alias = "spawn")]
    pub fn start(&self) -> Result<Running, CommandError> {
        let manner = Manner { captures: false, feeds: true, may_be_ended: true, waits_here: false };
        let launched = launch(std::slice::from_ref(self), manner)?;
        Ok(Running::new(self.clone(), launched, until(&self.limits)))
    }

    /// Connects the standard output of this program with the standard input of the next.
    pub fn pipe(self, next: Command) -> Pipeline {
        Pipeline::new(self, next)
    }

    #[track_caller]
    fn run_here(&self, captures: bool) -> Result<CommandOutput, CommandError> {
        may_wait(self)?;
        let commands = std::slice::from_ref(self);
        let finished = exchange(commands, self.limits, captures, Place::Here)?.run_here();
        self.conclude(finished)
    }

    async fn run_async(&self, captures: bool) -> Result<CommandOutput, CommandError> {
        let commands = std::slice::from_ref(self);
        let finished = exchange(commands, self.limits, captures, Place::Async)?.run_async().await;
        self.conclude(finished)
    }

    pub(super) fn conclude(&self, finished: Finished) -> Result<CommandOutput, CommandError> {
        let status = finished.statuses.first().copied().flatten();
        let stderr = finished.stderr.into_iter().next().unwrap_or_default();
        let output = CommandOutput::new(status, finished.stdout, stderr);
        match (finished.verdict, status) {
            (Verdict::Ended, None) => Err(unknown_end(self).with_output(output)),
            (Verdict::Ended, Some(status)) if self.check && !status.is_success() => {
                Err(unsuccessful(self, status).with_output(output))
            }
            (Verdict::Ended, Some(_)) => Ok(output),
            (ended_early, _) => {
                Err(early_end(&self.to_string(), &self.limits, ended_early).with_output(output))
            }
        }
    }
}

/// Runs a command to its end: [`Command::output`] as a plain function, for any executor.
///
/// ```
/// use manyhands_executor::{ExecutorExt, Sequential};
/// use manyhands_processes::{Command, run_command};
///
/// let executor = Sequential::new();
/// let task = executor.submit(run_command, Command::new("echo").arg("hello"));
/// assert_eq!(task.result()??.stdout(), b"hello\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Command::output`].
#[track_caller]
pub fn run_command(command: Command) -> Result<CommandOutput, CommandError> {
    command.output()
}

/// Checks, before anything is started, that the caller may wait where it stands.
pub(super) fn may_wait(line: &dyn std::fmt::Display) -> Result<(), CommandError> {
    check_cancelled();
    manyhands_io::prepare().map_err(|error| {
        CommandError::system(
            CommandErrorKind::Io,
            line.to_string(),
            format_args!("`{line}` was not started: nobody could wait for it here"),
            &error,
        )
    })
}

/// Who waits for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The thread, or the coroutine on it, that starts them.
    Here,
    /// A future, polled by whichever thread and perhaps dropped.
    Async,
}

/// Starts the programs, to be run to their end.
pub(super) fn exchange(
    commands: &[Command],
    limits: Limits,
    captures: bool,
    place: Place,
) -> Result<Exchange, CommandError> {
    let may_be_cancelled = place == Place::Async || is_interruptible();
    let may_be_ended = may_be_cancelled || limits.timeout.is_some() || limits.max_output.is_some();
    let waits_here = place == Place::Here;
    let manner = Manner { captures, feeds: false, may_be_ended, waits_here };
    let until = until(&limits);
    let Launched { family, stdin: _, stdout, stderr } = launch(commands, manner)?;
    Ok(Exchange {
        family: Arc::new(family),
        stdout: OutputReader::new(stdout, until),
        stderr: stderr.into_iter().map(|pipe| OutputReader::new(pipe, until)).collect(),
        limits,
        until,
    })
}

/// When the time limit of what is started now is over. One beyond the clock's reach is none.
pub(super) fn until(limits: &Limits) -> Option<Instant> {
    limits.timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

fn known(command: &Command, output: &CommandOutput) -> Result<ExitStatus, CommandError> {
    output.status().ok_or_else(|| unknown_end(command))
}

pub(super) fn unknown_end(command: &Command) -> CommandError {
    CommandError::new(
        CommandErrorKind::Io,
        command.to_string(),
        format!(
            "how `{command}` ended is not known: somebody else has reaped it (does this program \
             ignore SIGCHLD or call `waitpid(-1)`?)"
        ),
    )
}

pub(super) fn unsuccessful(command: &Command, status: ExitStatus) -> CommandError {
    CommandError::new(
        CommandErrorKind::Failed,
        command.to_string(),
        format!("`{command}` ended with {status}"),
    )
}

/// The error of a run that was ended because of a limit.
pub(super) fn early_end(line: &str, limits: &Limits, verdict: Verdict) -> CommandError {
    match verdict {
        Verdict::TooMuchOutput => CommandError::new(
            CommandErrorKind::TooMuchOutput,
            line,
            format!(
                "`{line}` was ended, because it wrote more than {} bytes to one stream",
                limits.max_output.unwrap_or_default()
            ),
        ),
        Verdict::TimedOut | Verdict::Ended => CommandError::new(
            CommandErrorKind::TimedOut,
            line,
            format!(
                "`{line}` did not end within {:?} and was ended",
                limits.timeout.unwrap_or_default()
            ),
        ),
        Verdict::Failed(error) => CommandError::system(
            CommandErrorKind::Io,
            line,
            format_args!("`{line}` was ended, because it could not be waited for or read from"),
            &error,
        ),
    }
}
