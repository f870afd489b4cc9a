//! `Command`: what to run, with what around it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::environment::Changes;
use super::quote::command_line;
use super::streams::{InputFrom, OutputTo};
use crate::memory::Bytes;

/// An external program to be run: its arguments, standard streams, surroundings and limits.
///
/// [`output`](Self::output) and [`status`](Self::status) run it to its end, [`start`](Self::start)
/// lets one talk with it, [`pipe`](Self::pipe) connects it with another. All of them work on threads,
/// in coroutines and on the threads of async runtimes; async code uses
/// [`output_async`](Self::output_async) and [`status_async`](Self::status_async).
///
/// A command is plain data, and the same one may be run many times. It is portable as well, so that
/// it can be the argument of a task on any executor: see [`run_command`](super::run_command).
///
/// No program outlives this process, whatever ends that, unless it was
/// [detached](super::Running::detach): it is killed then, with all in its process group if that is its
/// own. A program that is to end more gently is ended before, by a cancellation, a timeout, or
/// [`terminate`](super::Running::terminate). For this, the first program that could be left behind
/// starts another process, `program-warden`, which ends soon after this one.
///
/// The program finds signals as it expects them (nothing blocked, Ctrl-C and broken pipes end it) and
/// no open descriptors but its standard streams.
///
/// ```
/// use manyhands_processes::Command;
///
/// let sorted = Command::new("sort").arg("-r").input("a\nc\nb\n").check(true).output()?;
/// assert_eq!(sorted.stdout(), b"c\nb\na\n");
/// # Ok::<(), manyhands_processes::CommandError>(())
/// ```
#[doc(alias = "subprocess")]
#[doc(alias = "Popen")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[must_use = "call `output`, `status` or `start`"]
pub struct Command {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Changes,
    pub(super) directory: Option<OsString>,
    pub(super) stdin: Option<InputFrom>,
    pub(super) stdout: Option<OutputTo>,
    pub(super) stderr: Option<OutputTo>,
    pub(super) group: ProcessGroup,
    pub(super) limits: Limits,
    pub(super) check: bool,
}

/// What a run may take.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) timeout: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) max_output: Option<u64>,
}

/// How long a program may take to end after it was asked to, by default.
const GRACE: Duration = Duration::from_secs(1);

impl Limits {
    pub(super) const NONE: Limits = Limits { timeout: None, grace: GRACE, max_output: None };
}

/// Which process group a program runs in.
///
/// Who ends a group ends all that the program has started, too, unless that has left the group. On a
/// terminal, Ctrl-C reaches one group alone: that in the foreground, which is ours.
///
/// In whatever group, a program ends with this process, also if a signal ends that (`kill -9` too),
/// unless it was [detached](super::Running::detach). In a group of its own, all in it end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProcessGroup {
    /// A group of its own wherever the program may have to be ended early; the default. That is
    /// everywhere but in a blocking [`output`](Command::output) or [`status`](Command::status)
    /// without a timeout, a task, a cancel token or a deadline around it: nothing but a signal can
    /// cut that short, and Ctrl-C is to reach both. A program whose standard input is
    /// [inherited](InputFrom::Inherit) stays in our group as well, because a terminal can be read
    /// from the foreground only.
    #[default]
    Automatic,
    /// Ours. Then a timeout, a cancellation, or dropping a [`Running`](super::Running) ends the
    /// program alone, not what it has started.
    Inherit,
    /// A group of its own.
    #[doc(alias = "process_group")]
    Own,
    /// A session of its own, without a terminal, and in it a group of its own.
    #[doc(alias = "start_new_session")]
    #[doc(alias = "setsid")]
    Session,
}

impl Command {
    /// The program of this name. One without a slash is looked for in the `PATH` that it will see
    /// itself. A relative path is meant from the program's own
    /// [working directory](Self::current_dir).
    pub fn new(program: impl Into<OsString>) -> Command {
        Command {
            program: program.into(),
            arguments: Vec::new(),
            environment: Changes::default(),
            directory: None,
            stdin: None,
            stdout: None,
            stderr: None,
            group: ProcessGroup::Automatic,
            limits: Limits::NONE,
            check: false,
        }
    }

    /// A line for `/bin/sh -c`. Arguments that are added become `$0`, `$1` and so on, which is how
    /// words that nobody has checked get there: never by pasting them into the line.
    ///
    /// ```
    /// use manyhands_processes::Command;
    ///
    /// let greeting = Command::shell(r#"echo "hello $1""#).arg("sh").arg("a; rm -rf b").output()?;
    /// assert_eq!(greeting.stdout(), b"hello a; rm -rf b\n");
    /// # Ok::<(), manyhands_processes::CommandError>(())
    /// ```
    pub fn shell(line: impl Into<OsString>) -> Command {
        Command::new("/bin/sh").arg("-c").arg(line)
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Command {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<I>(mut self, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Where standard input comes from. Default: nowhere.
    pub fn stdin(mut self, from: InputFrom) -> Command {
        self.stdin = Some(from);
        self
    }

    /// Gives the program these bytes as its standard input: [`InputFrom::Bytes`].
    pub fn input(self, bytes: impl Into<Bytes>) -> Command {
        self.stdin(InputFrom::Bytes(bytes.into()))
    }

    /// Where standard output goes. Default: captured by [`output`](Self::output), else inherited.
    pub fn stdout(mut self, to: OutputTo) -> Command {
        self.stdout = Some(to);
        self
    }

    /// Where standard error goes. Default: captured by [`output`](Self::output), else inherited.
    pub fn stderr(mut self, to: OutputTo) -> Command {
        self.stderr = Some(to);
        self
    }

    /// Sends standard error where standard output goes (`2>&1`): [`OutputTo::Stdout`].
    pub fn merge_stderr(self) -> Command {
        self.stderr(OutputTo::Stdout)
    }

    /// The program's working directory. Default: ours.
    #[doc(alias = "cwd")]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Command {
        self.directory = Some(directory.into().into_os_string());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Command {
        self.environment.set(name.into(), value.into());
        self
    }

    /// Sets environment variables.
    pub fn envs<I, K, V>(mut self, variables: I) -> Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<OsString>,
        V: Into<OsString>,
    {
        for (name, value) in variables {
            self.environment.set(name.into(), value.into());
        }
        self
    }

    /// Keeps an environment variable from the program.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Command {
        self.environment.remove(name.into());
        self
    }

    /// Begins with an empty environment: nothing of ours is passed on, and what was set before is
    /// forgotten.
    pub fn env_clear(mut self) -> Command {
        self.environment.clear();
        self
    }

    /// The process group it runs in.
    pub fn process_group(mut self, group: ProcessGroup) -> Command {
        self.group = group;
        self
    }

    /// Ends the program, and all in its process group, so long after its start. The error has what
    /// was written until then.
    ///
    /// First the group gets SIGTERM (and SIGCONT, in case it is stopped). When the programs have
    /// ended and their captured output is closed, but after the [grace](Self::grace) at the latest,
    /// whatever is left of the group gets SIGKILL. Output that is there is still read; but a process
    /// that has left the group and holds the output open is waited for no longer than 100 ms.
    /// Cancellations and deadlines around a blocking wait end a program in the same way. Default: no
    /// limit.
    ///
    /// ```
    /// use manyhands_processes::Command;
    /// use std::time::Duration;
    ///
    /// // The shell starts something that would hold its output open for a minute.
    /// let late = Command::shell("echo begun; sleep 60 & sleep 60");
    /// let error = late.timeout(Duration::from_millis(100)).output().unwrap_err();
    /// assert!(error.is_timed_out());
    /// assert_eq!(error.output().unwrap().stdout(), b"begun\n");
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Command {
        self.limits.timeout = Some(limit);
        self
    }

    /// How long the program may take to end after SIGTERM, before SIGKILL. Default: 1 second.
    pub fn grace(mut self, grace: Duration) -> Command {
        self.limits.grace = grace;
        self
    }

    /// Ends the program when it has written more than so many bytes to one captured stream. The
    /// error has the beginning. Default: no limit. Only for [`output`](Self::output) and
    /// [`communicate`](super::Running::communicate).
    pub fn max_output(mut self, bytes: u64) -> Command {
        self.limits.max_output = Some(bytes);
        self
    }

    /// Whether it is an error if the program ends with another exit code than 0, or by a signal.
    /// Default: no.
    ///
    /// ```
    /// use manyhands_processes::Command;
    ///
    /// let error = Command::new("ls").arg("/no/such/place").check(true).output().unwrap_err();
    /// assert!(error.is_failed());
    /// assert!(error.to_string().starts_with("`ls /no/such/place` ended with exit code 2"));
    /// ```
    pub fn check(mut self, check: bool) -> Command {
        self.check = check;
        self
    }

    /// The name of the program.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The arguments, without the name of the program.
    pub fn arguments(&self) -> impl Iterator<Item = &OsStr> {
        self.arguments.iter().map(OsString::as_os_str)
    }
}

/// The command line, quoted as for a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&command_line(std::iter::once(self.program()).chain(self.arguments())))
    }
}
