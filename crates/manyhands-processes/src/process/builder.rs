//! What is said of a process before it is started, and its start.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use manyhands_executor::{Dispatched, Portable, Task};
use rustix::process::Signal;

use super::handle::Process;
use super::monitor::{self, Watched};
use super::registry::Child;
use super::single;
use crate::image::EntryOffsets;
use crate::start::{
    Environment, Launch, Role, StartError, StartErrorKind, Started, Starting, Stderr, launch,
};

/// How long a process may take to report, unless the program says otherwise.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// What is said of a process before it is started; made by [`Process::builder`].
#[derive(Debug, Clone)]
#[must_use = "the process is not started yet"]
pub struct ProcessBuilder {
    name: Option<String>,
    daemon: bool,
    environment: Environment,
    clean_environment: bool,
    memory_limit: Option<u64>,
    start_timeout: Duration,
}

impl ProcessBuilder {
    pub(super) fn new() -> ProcessBuilder {
        ProcessBuilder {
            name: None,
            daemon: false,
            environment: Environment::default(),
            clean_environment: false,
            memory_limit: None,
            start_timeout: START_TIMEOUT,
        }
    }

    /// The process's name, in messages and, cut to 15 bytes, in the system's list of processes; at
    /// most 1,024 bytes. Default: `Process-N`.
    pub fn name(mut self, name: impl Into<String>) -> ProcessBuilder {
        self.name = Some(name.into());
        self
    }

    /// Whether the process is terminated when the program ends. Default: the program waits for it.
    #[doc(alias = "setDaemon")]
    pub fn daemon(mut self, daemon: bool) -> ProcessBuilder {
        self.daemon = daemon;
        self
    }

    /// Sets a variable in the environment of the process, which is otherwise as ours.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> ProcessBuilder {
        self.environment.set(name, value);
        self
    }

    /// Removes a variable from the environment of the process.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> ProcessBuilder {
        self.environment.remove(name);
        self
    }

    /// Lets the environment of the process begin empty; what [`env`](Self::env) sets, before or
    /// afterwards, is all there is.
    pub fn env_clear(mut self) -> ProcessBuilder {
        self.clean_environment = true;
        self
    }

    /// How many bytes of address space the process may have, stacks and code included
    /// (`RLIMIT_AS`). An allocation past it fails, which aborts Rust code. Default: as this process.
    pub fn memory_limit(mut self, bytes: u64) -> ProcessBuilder {
        self.memory_limit = Some(bytes);
        self
    }

    /// How long the process may take until it is ready to call the function. Default: 30 seconds.
    pub fn start_timeout(mut self, limit: Duration) -> ProcessBuilder {
        self.start_timeout = limit;
        self
    }

    /// Starts a process that calls `f(argument)`. Returns when the process is about to call it.
    ///
    /// `f` is a function, or a closure that captures nothing. May be called from threads,
    /// coroutines, and tasks of multi-thread runtimes.
    ///
    /// # Errors
    /// If the argument cannot be encoded, if the system refuses a process, or if the process does
    /// not report.
    ///
    /// # Panics
    /// In a task of a current-thread runtime; use [`start_async`](Self::start_async) there.
    #[track_caller]
    pub fn start<A: Portable, R: Portable>(
        self,
        f: fn(A) -> R,
        argument: A,
    ) -> Result<Process<R>, StartError> {
        let limit = self.start_timeout;
        self.begin(f, argument)?.finish(|starting| starting.wait(limit))
    }

    /// Like [`start`](Self::start), for async code.
    ///
    /// # Errors
    /// Like [`start`](Self::start).
    pub async fn start_async<A: Portable, R: Portable>(
        self,
        f: fn(A) -> R,
        argument: A,
    ) -> Result<Process<R>, StartError> {
        let limit = self.start_timeout;
        let mut begun = self.begin(f, argument)?;
        let started = match tokio::time::timeout(limit, begun.starting.finished()).await {
            Ok(finished) => finished,
            Err(_elapsed) => Err(begun.starting.timed_out(limit)),
        };
        begun.finish(|_| started)
    }

    fn begin<A: Portable, R: Portable>(
        self,
        f: fn(A) -> R,
        argument: A,
    ) -> Result<Begun<R>, StartError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = self
            .name
            .unwrap_or_else(|| format!("Process-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let (task, call, attachments) = single::dispatch(&name, f, argument)?;
        let starting = EntryOffsets::of(&call.entry())
            .map_err(|error| StartError::new(StartErrorKind::NotPortable, error.to_string()))
            .and_then(|offsets| {
                let (payload, beside) = super::child::encode(offsets, call.argument(), attachments)
                    .map_err(|error| {
                        let why = format!("the argument of '{name}' was not sent: {error}");
                        StartError::new(StartErrorKind::System, why)
                    })?;
                let fds: Vec<_> = beside.iter().map(|fd| fd.as_fd()).collect();
                launch(&Launch {
                    role: Role::Process,
                    name: &name,
                    env: &self.environment,
                    clean_env: self.clean_environment,
                    memory_limit: self.memory_limit,
                    fds: &fds,
                    stderr: Stderr::Inherit,
                    payload: &payload,
                })
            });
        match starting {
            Ok(starting) => Ok(Begun { task, call, starting, name, daemon: self.daemon }),
            Err(error) => {
                single::withdraw(task, call);
                Err(error)
            }
        }
    }
}

/// A process that exists and has not reported yet.
struct Begun<R> {
    task: Task<R>,
    call: Dispatched,
    starting: Starting,
    name: String,
    daemon: bool,
}

impl<R> Begun<R> {
    fn finish(
        self,
        wait: impl FnOnce(Starting) -> Result<Started, StartError>,
    ) -> Result<Process<R>, StartError> {
        let Begun { task, call, starting, name, daemon } = self;
        let started = match wait(starting) {
            Ok(started) => started,
            Err(error) => {
                single::withdraw(task, call);
                return Err(error);
            }
        };
        if let Err(error) = crate::manager::serve(started.pid, started.service) {
            // It may have ended by itself.
            let _ended = started.process.signal(Signal::KILL);
            single::withdraw(task, call);
            return Err(StartError::system("the requests of a process cannot be served", &error));
        }
        let child = Arc::new(Child::new(name.into(), daemon, started.process));
        let watched = Watched::new(Arc::clone(&child), started.control, call);
        match monitor::watch(watched) {
            Ok(()) => Ok(Process::new(task, child)),
            Err(error) => {
                // The watched process is gone with its call; nobody needs to hear of the task.
                let _heard = task.outcome();
                Err(StartError::system("no thread was started to watch a process", &error))
            }
        }
    }
}
