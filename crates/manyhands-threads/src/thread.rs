//! One thread: started with a function, joined for its result.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use manyhands_executor::{Job, Outcome, TaskHandle, TaskOptions};
use manyhands_executor::{Task, TaskError};
use manyhands_wait::{Deadlock, TimedOut};

use crate::registry::{self, CurrentThread, Info};

/// A thread that runs one function.
///
/// Dropping it does not stop the thread; when the process ends it is waited for, unless it is a
/// [daemon](ThreadBuilder::daemon). Inside, waits can be cancelled with [`cancel`](Self::cancel).
///
/// ```
/// use manyhands_threads::Thread;
///
/// let thread = Thread::spawn(|| 6 * 7);
/// assert_eq!(thread.join().unwrap(), 42);
/// ```
#[doc(alias = "threading.Thread")]
pub struct Thread<R = ()> {
    task: Task<R>,
    info: Arc<Info>,
}

impl<R: Send + 'static> Thread<R> {
    /// Starts a thread that runs `f`, named `Thread-N`.
    ///
    /// # Panics
    /// If the operating system cannot start a thread; [`ThreadBuilder::start`] returns the error.
    pub fn spawn(f: impl FnOnce() -> R + Send + 'static) -> Thread<R> {
        match Thread::builder().start(f) {
            Ok(thread) => thread,
            Err(error) => panic!("no thread was started: {error}"),
        }
    }
}

impl Thread {
    /// Says more about a thread before it is started.
    pub fn builder() -> ThreadBuilder {
        ThreadBuilder::default()
    }

    /// The thread that calls this.
    #[doc(alias = "current_thread")]
    #[doc(alias = "currentThread")]
    pub fn current() -> CurrentThread {
        registry::current()
    }
}

impl<R> Thread<R> {
    /// Waits until the thread has ended, and takes what its function returned.
    ///
    /// # Errors
    /// If the function panicked or was cancelled.
    #[track_caller]
    pub fn join(self) -> Outcome<R> {
        self.task.result()
    }

    /// Waits for at most `limit`; the thread goes on either way.
    ///
    /// # Errors
    /// [`TimedOut`] if the thread has not ended by then.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<(), TimedOut> {
        self.task.wait_timeout(limit)
    }

    /// Waits until the thread has ended and leaves the result where it is.
    ///
    /// # Panics
    /// With the report if that can never be: see [`wait_checked`](Self::wait_checked).
    #[track_caller]
    pub fn wait(&self) {
        self.task.wait();
    }

    /// Like [`wait`](Self::wait), and says so if the thread will never end because it waits for this
    /// very caller, or for others who do.
    ///
    /// # Errors
    /// The [`Deadlock`]: who waits for whom. The thread goes on.
    #[track_caller]
    pub fn wait_checked(&self) -> Result<(), Deadlock> {
        self.task.wait_checked()
    }

    /// Whether the thread's function has not ended yet.
    #[doc(alias = "isAlive")]
    pub fn is_alive(&self) -> bool {
        !self.task.is_done()
    }

    /// The error, if the thread has ended with one.
    pub fn error(&self) -> Option<&TaskError> {
        self.task.outcome().and_then(|outcome| outcome.as_ref().err())
    }

    /// Asks the thread's function to end: its next wait unwinds.
    pub fn cancel(&self) {
        self.task.cancel();
    }

    /// The thread's name.
    #[doc(alias = "getName")]
    pub fn name(&self) -> Arc<str> {
        self.info.name()
    }

    /// Gives the thread another name; the operating system goes on showing the old one.
    #[doc(alias = "setName")]
    pub fn set_name(&self, name: impl Into<Arc<str>>) {
        self.info.set_name(name.into());
    }

    /// Whether the end of the process does not wait for the thread.
    #[doc(alias = "isDaemon")]
    pub fn is_daemon(&self) -> bool {
        self.info.is_daemon()
    }

    /// The thread as a task, to be mixed with those of executors.
    pub fn into_task(self) -> Task<R> {
        self.task
    }
}

impl<R: 'static> Thread<R> {
    /// The thread's handle as a task.
    pub fn handle(&self) -> TaskHandle {
        self.task.handle()
    }
}

impl<R> fmt::Debug for Thread<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("name", &self.name())
            .field("alive", &self.is_alive())
            .field("daemon", &self.is_daemon())
            .finish()
    }
}

/// What is said of a thread before it is started; made by [`Thread::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "the thread is not started yet"]
pub struct ThreadBuilder {
    name: Option<Arc<str>>,
    daemon: bool,
    stack_bytes: Option<usize>,
}

impl ThreadBuilder {
    /// The thread's name. Default: `Thread-N`. A name with a NUL byte is shown without it.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> ThreadBuilder {
        self.name = Some(name.into());
        self
    }

    /// Whether the thread just stops when the process ends. Default: the process waits for it. It
    /// must be said here: once a thread runs, it is too late.
    #[doc(alias = "setDaemon")]
    pub fn daemon(mut self, daemon: bool) -> ThreadBuilder {
        self.daemon = daemon;
        self
    }

    /// The size of its stack in bytes. Default: std's, 2 MiB.
    pub fn stack_bytes(mut self, bytes: usize) -> ThreadBuilder {
        self.stack_bytes = Some(bytes);
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system's, if it cannot start a thread.
    pub fn start<R: Send + 'static>(
        self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<Thread<R>> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = self
            .name
            .unwrap_or_else(|| format!("Thread-{}", NEXT.fetch_add(1, Ordering::Relaxed)).into());
        let info = Info::new(name, self.daemon);
        let (task, job) = Job::of(TaskOptions::new().name(info.name()), f);
        let run = {
            let info = Arc::clone(&info);
            move || registry::run_as(info, job)
        };
        registry::start(&info, self.stack_bytes, run)?;
        Ok(Thread { task, info })
    }
}
