//! What can be said against putting and getting. A value that was not put comes back.

use std::error::Error;
use std::fmt;

/// The queue or channel was shut down. From `put` it carries the value that was not put.
#[doc(alias = "queue.ShutDown")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T = ()>(
    /// What was not put; nothing from `get`.
    pub T,
);

/// Why a value was not put; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError<T> {
    /// There was no room, not at once or not within the time given.
    #[doc(alias = "queue.Full")]
    Full(T),
    /// The queue or channel was shut down.
    #[doc(alias = "queue.ShutDown")]
    Closed(T),
}

/// Why nothing was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// There was nothing, not at once or not within the time given.
    #[doc(alias = "queue.Empty")]
    Empty,
    /// The queue or channel was shut down, and nothing is left in it.
    #[doc(alias = "queue.ShutDown")]
    Closed,
}

/// `task_done` was called more often than items were put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskDoneError;

impl<T> Closed<T> {
    /// The value that was not put.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> PutError<T> {
    /// The value that was not put.
    pub fn into_inner(self) -> T {
        match self {
            PutError::Full(value) | PutError::Closed(value) => value,
        }
    }

    /// Whether there was no room; otherwise it was shut down.
    pub fn is_full(&self) -> bool {
        matches!(self, PutError::Full(_))
    }
}

impl<T> From<Closed<T>> for PutError<T> {
    fn from(closed: Closed<T>) -> PutError<T> {
        PutError::Closed(closed.0)
    }
}

impl From<Closed> for GetError {
    fn from(_: Closed) -> GetError {
        GetError::Closed
    }
}

// By hand, so that errors can be shown, and passed up by `?`, whatever the value is.

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed")
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "Full",
            PutError::Closed(_) => "Closed",
        })
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down")
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "the queue is full: nobody has made room in the time given",
            PutError::Closed(_) => "the queue was shut down",
        })
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => "the queue is empty: nobody has put anything in the time given",
            GetError::Closed => "the queue was shut down, and nothing is left in it",
        })
    }
}

impl fmt::Display for TaskDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done was called more often than items were put into the queue")
    }
}

impl<T> Error for Closed<T> {}
impl<T> Error for PutError<T> {}
impl Error for GetError {}
impl Error for TaskDoneError {}
