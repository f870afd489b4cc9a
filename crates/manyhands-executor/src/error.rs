//! Why a task has no value: one opaque error with a kind and everything that is known.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use manyhands_wait::Deadlock;
use serde::{Deserialize, Serialize};

use crate::panic_capture::{self, PanicDetails};
use crate::worker_death::WorkerDeath;

/// What sort of failure a [`TaskError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TaskErrorKind {
    /// The task's code panicked.
    Panicked,
    /// The task was cancelled.
    Cancelled,
    /// The task's deadline or time limit passed.
    TimedOut,
    /// A wait was proven never to end: one of the task's own, or the one for the task.
    Deadlock,
    /// The worker that ran the task died. Reported by executors whose workers can.
    WorkerDied,
    /// The executor did not take the task.
    Rejected,
    /// The argument or the result could not be encoded or decoded.
    Codec,
    /// The executor dropped the task without running it, or the machine that had it is gone.
    Lost,
}

impl fmt::Display for TaskErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskErrorKind::Panicked => "panicked",
            TaskErrorKind::Cancelled => "cancelled",
            TaskErrorKind::TimedOut => "timed out",
            TaskErrorKind::Deadlock => "deadlock",
            TaskErrorKind::WorkerDied => "worker died",
            TaskErrorKind::Rejected => "rejected",
            TaskErrorKind::Codec => "codec",
            TaskErrorKind::Lost => "lost",
        })
    }
}

/// Why a task ended without a value. Cheap to clone.
///
/// An error that the task's own code returns (`Result<T, E>`) is not a `TaskError`: it is the
/// task's value.
#[derive(Clone)]
pub struct TaskError {
    inner: Arc<Inner>,
}

struct Inner {
    kind: TaskErrorKind,
    message: String,
    location: Option<String>,
    backtrace: Option<String>,
    death: Option<Box<WorkerDeath>>,
    deadlock: Option<Deadlock>,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Drop for Inner {
    /// Errors are dropped in many places, and none of them expects a panic.
    fn drop(&mut self) {
        let payload = self.payload.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(payload) = payload {
            panic_capture::drop_payload(payload);
        }
    }
}

impl TaskError {
    /// An error of this kind. For implementations of [`Executor`](crate::Executor).
    pub fn new(kind: TaskErrorKind, message: impl Into<String>) -> TaskError {
        TaskError::build(kind, message.into(), PanicDetails::default(), None, None)
    }

    /// The error of a task whose worker died. For implementations of [`Executor`](crate::Executor).
    pub fn worker_died(death: WorkerDeath) -> TaskError {
        let message = format!("the task was lost with its worker: {death}");
        let death = Some(Box::new(death));
        TaskError::build(TaskErrorKind::WorkerDied, message, PanicDetails::default(), death, None)
    }

    /// The error of a task whose code was unwound by a deadlock.
    pub(crate) fn deadlocked(deadlock: Deadlock) -> TaskError {
        TaskError::with_deadlock(format!("the task was in a deadlock: {deadlock}"), deadlock)
    }

    fn with_deadlock(message: String, deadlock: Deadlock) -> TaskError {
        let payload = Mutex::new(None);
        let inner = Inner {
            kind: TaskErrorKind::Deadlock,
            message,
            location: None,
            backtrace: None,
            death: None,
            deadlock: Some(deadlock),
            payload,
        };
        TaskError { inner: Arc::new(inner) }
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> TaskErrorKind {
        self.inner.kind
    }

    /// What happened, in words; for a panic its message.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Where a panic happened, as `file:line:column`.
    pub fn location(&self) -> Option<&str> {
        self.inner.location.as_deref()
    }

    /// The backtrace of a panic, if `RUST_BACKTRACE` asked for one.
    pub fn backtrace(&self) -> Option<&str> {
        self.inner.backtrace.as_deref()
    }

    /// Whether the task's code panicked.
    pub fn is_panicked(&self) -> bool {
        self.kind() == TaskErrorKind::Panicked
    }

    /// Whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.kind() == TaskErrorKind::Cancelled
    }

    /// Whether the task's deadline or time limit passed.
    pub fn is_timed_out(&self) -> bool {
        self.kind() == TaskErrorKind::TimedOut
    }

    /// Whether a wait was proven never to end: one of the task's own, or the one for the task, which
    /// goes on then without anybody who waits for it.
    pub fn is_deadlock(&self) -> bool {
        self.kind() == TaskErrorKind::Deadlock
    }

    /// Who waits for whom, and who holds what, in the deadlock that this error is about. `None` if it
    /// was found in another process: then the message has the report.
    pub fn deadlock(&self) -> Option<&Deadlock> {
        self.inner.deadlock.as_ref()
    }

    /// Whether the worker that ran the task died.
    pub fn is_worker_died(&self) -> bool {
        self.kind() == TaskErrorKind::WorkerDied
    }

    /// How the worker died that ran the task.
    pub fn worker_death(&self) -> Option<&WorkerDeath> {
        self.inner.death.as_deref()
    }

    /// Whether the executor did not take the task.
    pub fn is_rejected(&self) -> bool {
        self.kind() == TaskErrorKind::Rejected
    }

    /// Whether the argument or the result could not be encoded or decoded.
    pub fn is_codec(&self) -> bool {
        self.kind() == TaskErrorKind::Codec
    }

    /// Whether the task was dropped without having run.
    pub fn is_lost(&self) -> bool {
        self.kind() == TaskErrorKind::Lost
    }

    /// Goes on with the task's panic in this thread, with the original payload where it is still
    /// there (it can be taken once), else with the message. Other errors panic with their text. A
    /// task around this call fails with the location and backtrace of the first panic.
    pub fn resume(&self) -> ! {
        if let Some(deadlock) = self.deadlock() {
            std::panic::resume_unwind(Box::new(deadlock.clone()));
        }
        let payload = self.inner.payload.lock().unwrap_or_else(PoisonError::into_inner).take();
        panic_capture::note(PanicDetails {
            location: self.inner.location.clone(),
            backtrace: self.inner.backtrace.clone(),
        });
        std::panic::resume_unwind(payload.unwrap_or_else(|| Box::new(self.to_string())))
    }

    /// The error of a task that was unwound with `payload`.
    pub(crate) fn panicked(payload: Box<dyn Any + Send>, details: Option<PanicDetails>) -> Self {
        let payload = match payload.downcast::<Deadlock>() {
            Ok(deadlock) => return TaskError::deadlocked(*deadlock),
            Err(payload) => payload,
        };
        let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(text), _) => (*text).to_owned(),
            (_, Some(text)) => text.clone(),
            _ => "a panic with a payload that is not text".to_owned(),
        };
        let details = details.unwrap_or_default();
        TaskError::build(TaskErrorKind::Panicked, message, details, None, Some(payload))
    }

    fn build(
        kind: TaskErrorKind,
        message: String,
        details: PanicDetails,
        death: Option<Box<WorkerDeath>>,
        payload: Option<Box<dyn Any + Send>>,
    ) -> TaskError {
        let PanicDetails { location, backtrace } = details;
        let payload = Mutex::new(payload);
        let inner = Inner { kind, message, location, backtrace, death, deadlock: None, payload };
        TaskError { inner: Arc::new(inner) }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind(), self.location()) {
            (TaskErrorKind::Panicked, Some(at)) => {
                write!(f, "the task panicked at {at}: {}", self.message())
            }
            (TaskErrorKind::Panicked, None) => write!(f, "the task panicked: {}", self.message()),
            _ => f.write_str(self.message()),
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskError")
            .field("kind", &self.kind())
            .field("message", &self.message())
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for TaskError {}

/// The error of a task that will never end, or never begin, because of this deadlock.
impl From<Deadlock> for TaskError {
    fn from(deadlock: Deadlock) -> TaskError {
        TaskError::with_deadlock(deadlock.to_string(), deadlock)
    }
}

/// A [`TaskError`] on its way between processes or machines; the panic payload stays behind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EncodedError {
    kind: TaskErrorKind,
    message: String,
    location: Option<String>,
    backtrace: Option<String>,
    death: Option<Box<WorkerDeath>>,
}

impl From<&TaskError> for EncodedError {
    fn from(error: &TaskError) -> EncodedError {
        EncodedError {
            kind: error.kind(),
            message: error.message().to_owned(),
            location: error.location().map(str::to_owned),
            backtrace: error.backtrace().map(str::to_owned),
            death: error.worker_death().map(|death| Box::new(death.clone())),
        }
    }
}

impl From<EncodedError> for TaskError {
    fn from(error: EncodedError) -> TaskError {
        let EncodedError { kind, message, location, backtrace, death } = error;
        TaskError::build(kind, message, PanicDetails { location, backtrace }, death, None)
    }
}
