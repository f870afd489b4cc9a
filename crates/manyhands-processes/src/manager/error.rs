//! Why a call of a managed object has no answer: one opaque error with a kind.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of failure a [`ManagerError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ManagerErrorKind {
    /// The object is gone: its [`Manager`](crate::Manager) was dropped, or it was removed, or it is a
    /// [`Queue`](crate::Queue) of which nobody has a handle any more in the process that made it.
    Closed,
    /// The process that has the object is neither this one nor one of those that started it, or the
    /// connection to it is lost.
    Unreachable,
    /// The function that ran on the object panicked.
    Panicked,
    /// The argument or the answer could not be encoded or decoded.
    Codec,
    /// The request or the answer is larger than can be sent.
    TooLarge,
    /// A function that runs on a managed object used a managed object.
    Nested,
    /// The process that has the object did not understand the request.
    Refused,
    /// Somebody called `close` on the queue, and it is empty if the caller wanted an item. The queue is
    /// still there.
    QueueClosed,
    /// The barrier is broken: a participant gave up, was cancelled or died.
    BrokenBarrier,
    /// More was given back than had been taken: permits of a semaphore, items of a queue.
    TooManyReleased,
    /// Whoever asked for a lock holds it, and would wait for itself for ever.
    WouldDeadlock,
}

/// Why a call of a managed object has no answer. It can be sent between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerError {
    kind: ManagerErrorKind,
    message: String,
}

impl ManagerError {
    pub(crate) fn new(kind: ManagerErrorKind, message: impl Into<String>) -> ManagerError {
        ManagerError { kind, message: message.into() }
    }

    pub(crate) fn closed() -> ManagerError {
        ManagerError::new(
            ManagerErrorKind::Closed,
            "the managed object is gone: its manager was dropped, or it was removed; keep the \
             manager alive for as long as its objects are in use",
        )
    }

    pub(crate) fn disconnected() -> ManagerError {
        ManagerError::new(
            ManagerErrorKind::Unreachable,
            "the connection to the process that has the managed object is lost",
        )
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> ManagerErrorKind {
        self.kind
    }

    /// What happened, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the object is gone ([`Closed`](ManagerErrorKind::Closed)): every call of it fails from
    /// now on. For a queue that somebody has closed see [`is_queue_closed`](Self::is_queue_closed).
    pub fn is_closed(&self) -> bool {
        self.kind == ManagerErrorKind::Closed
    }

    /// Whether the queue was closed by [`close`](crate::ManagedQueue::close)
    /// ([`QueueClosed`](ManagerErrorKind::QueueClosed)): what ends a loop of consumers in order. Not
    /// so if the queue is gone altogether, which is [`is_closed`](Self::is_closed); there items may
    /// have been in it.
    pub fn is_queue_closed(&self) -> bool {
        self.kind == ManagerErrorKind::QueueClosed
    }

    /// Whether a lock was asked for by its own holder.
    pub fn is_would_deadlock(&self) -> bool {
        self.kind == ManagerErrorKind::WouldDeadlock
    }

    /// Whether the function that ran on the object panicked.
    pub fn is_panicked(&self) -> bool {
        self.kind == ManagerErrorKind::Panicked
    }
}

impl fmt::Display for ManagerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ManagerError {}
