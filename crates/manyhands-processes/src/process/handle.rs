//! What the program holds of a process.

use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use manyhands_executor::{Outcome, Portable, Task, TaskError};
use manyhands_wait::TimedOut;
use rustix::process::Signal;

use super::builder::ProcessBuilder;
use super::registry::Child;
use crate::start::StartError;

/// One function in a process of its own.
///
/// The process is this program, started again: it has none of the memory of this one, and its
/// variables are as at the beginning of the program. What it does to them, and how it ends, does
/// not touch this process.
///
/// Dropping the handle does not end the process; when the program ends it is waited for, unless it
/// is a [daemon](ProcessBuilder::daemon). When this process is killed, the process ends too.
/// Waiting works from threads and coroutines, and with `.await` from async code.
///
/// ```
/// use manyhands_processes::Process;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let process = Process::start(|n: u64| n * 7, 6)?;
///     assert_ne!(process.pid(), std::process::id());
///     assert_eq!(process.join()?, 42);
///
///     // Only that process is gone.
///     let process = Process::<()>::start(|()| std::process::abort(), ())?;
///     assert!(process.join_timeout(std::time::Duration::from_secs(60)).is_ok());
///     assert_eq!(process.signal(), Some(6));
///     assert!(process.join().is_err());
///     Ok(())
/// }
/// ```
#[doc(alias = "multiprocessing.Process")]
pub struct Process<R = ()> {
    task: Task<R>,
    child: Arc<Child>,
}

impl<R: Portable> Process<R> {
    /// Starts a process that calls `f(argument)`, with everything else as the
    /// [builder](Process::builder) has it by default.
    ///
    /// # Errors
    /// Like [`ProcessBuilder::start`].
    ///
    /// # Panics
    /// Like [`ProcessBuilder::start`].
    #[track_caller]
    pub fn start<A: Portable>(f: fn(A) -> R, argument: A) -> Result<Process<R>, StartError> {
        ProcessBuilder::new().start(f, argument)
    }
}

impl Process {
    /// Says more about a process before it is started.
    pub fn builder() -> ProcessBuilder {
        ProcessBuilder::new()
    }
}

impl<R> Process<R> {
    pub(super) fn new(task: Task<R>, child: Arc<Child>) -> Process<R> {
        Process { task, child }
    }

    /// Waits until the process has ended, and takes what its function returned.
    ///
    /// # Errors
    /// If the function panicked, with message and place; if its result cannot be encoded; if the
    /// process ended before the function returned ([`TaskErrorKind::WorkerDied`]).
    ///
    /// [`TaskErrorKind::WorkerDied`]: manyhands_executor::TaskErrorKind::WorkerDied
    #[track_caller]
    pub fn join(self) -> Outcome<R> {
        self.task.result()
    }

    /// Waits for at most `limit`; the process goes on either way.
    ///
    /// # Errors
    /// [`TimedOut`] if the process has not ended by then.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<(), TimedOut> {
        self.task.wait_timeout(limit)
    }

    /// Waits until the process has ended and leaves the result where it is.
    #[track_caller]
    pub fn wait(&self) {
        self.task.wait();
    }

    /// The process's number. It may be another process's once this one has ended.
    pub fn pid(&self) -> u32 {
        self.child.process.pid()
    }

    /// The process's name.
    #[doc(alias = "getName")]
    pub fn name(&self) -> &str {
        &self.child.name
    }

    /// Whether the process is terminated when the program ends.
    #[doc(alias = "isDaemon")]
    pub fn is_daemon(&self) -> bool {
        self.child.daemon
    }

    /// Whether the process has not ended yet.
    pub fn is_alive(&self) -> bool {
        self.child.is_alive()
    }

    /// What the process has passed to `exit`: 0 if its function has returned, 101 if it panicked.
    /// `None` while it is alive, and if a [signal](Self::signal) has killed it.
    #[doc(alias = "exitcode")]
    pub fn exit_code(&self) -> Option<i32> {
        self.child.process.try_wait()?.status?.code()
    }

    /// The number of the signal that has killed the process, if one has.
    pub fn signal(&self) -> Option<i32> {
        self.child.process.try_wait()?.status?.signal()
    }

    /// The error, if the process has ended with one.
    pub fn error(&self) -> Option<&TaskError> {
        self.task.outcome().and_then(|outcome| outcome.as_ref().err())
    }

    /// Sends SIGTERM, which ends the process unless it has said otherwise; does nothing if it has
    /// ended. Does not wait.
    ///
    /// # Errors
    /// What the operating system says, for instance that the process has changed its user.
    pub fn terminate(&self) -> io::Result<()> {
        self.child.process.signal(Signal::TERM)
    }

    /// Sends SIGKILL; does nothing if the process has ended. Does not wait.
    ///
    /// # Errors
    /// What the operating system says, for instance that the process has changed its user.
    pub fn kill(&self) -> io::Result<()> {
        self.child.process.signal(Signal::KILL)
    }

    /// The process as a task, to be mixed with those of executors; it is done when the process has
    /// ended. What is called then must be short: one thread does it for all processes.
    pub fn into_task(self) -> Task<R> {
        self.task
    }
}

impl<R: Send + 'static> IntoFuture for Process<R> {
    type Output = Outcome<R>;
    type IntoFuture = Task<R>;

    fn into_future(self) -> Task<R> {
        self.task
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("alive", &self.is_alive())
            .field("daemon", &self.is_daemon())
            .finish()
    }
}
