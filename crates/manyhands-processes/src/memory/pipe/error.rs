//! What can go wrong with a pipe.

use std::fmt;
use std::io;

use crate::memory::MemoryError;

/// Why a message was not sent or not received. What kind of failure it is, the methods tell.
#[derive(Debug)]
pub struct PipeError {
    kind: Kind,
    message: String,
    source: Option<io::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Closed,
    Moved,
    TimedOut,
    WouldBlock,
    Codec,
    System,
}

impl PipeError {
    fn new(kind: Kind, message: impl Into<String>) -> PipeError {
        PipeError { kind, message: message.into(), source: None }
    }

    pub(super) fn moved() -> PipeError {
        PipeError::new(Kind::Moved, "it was sent to another process before")
    }

    pub(super) fn timed_out(message: &str) -> PipeError {
        PipeError::new(Kind::TimedOut, message)
    }

    pub(super) fn codec(message: impl Into<String>) -> PipeError {
        PipeError::new(Kind::Codec, message)
    }

    pub(super) fn of_send(error: io::Error) -> PipeError {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                PipeError::new(Kind::Closed, "the other end of the pipe is closed")
            }
            io::ErrorKind::WouldBlock => PipeError::new(Kind::WouldBlock, "the pipe is full"),
            _ => PipeError::system("sending through a pipe", error),
        }
    }

    pub(super) fn of_recv(error: io::Error) -> PipeError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let message = "the other end of the pipe is closed, and nothing is left in it";
                PipeError::new(Kind::Closed, message)
            }
            io::ErrorKind::WouldBlock => PipeError::new(Kind::WouldBlock, "the pipe is empty"),
            _ => PipeError::system("receiving from a pipe", error),
        }
    }

    fn system(what: &str, error: io::Error) -> PipeError {
        let message = format!("{what} failed: {error}");
        PipeError { kind: Kind::System, message, source: Some(error) }
    }

    /// Whether the other end is closed. Of a receiver: and everything that was sent is received.
    pub fn is_closed(&self) -> bool {
        self.kind == Kind::Closed
    }

    /// Whether this end was sent to another process before.
    pub fn is_moved(&self) -> bool {
        self.kind == Kind::Moved
    }

    /// Whether the time was over.
    pub fn is_timed_out(&self) -> bool {
        self.kind == Kind::TimedOut
    }

    /// Whether it would have been necessary to wait.
    pub fn is_would_block(&self) -> bool {
        self.kind == Kind::WouldBlock
    }

    /// Whether the message could not be encoded or decoded.
    pub fn is_codec(&self) -> bool {
        self.kind == Kind::Codec
    }
}

impl From<MemoryError> for PipeError {
    fn from(error: MemoryError) -> PipeError {
        let kind = if error.io_error().is_some() { Kind::System } else { Kind::Codec };
        PipeError::new(kind, error.to_string())
    }
}

impl fmt::Display for PipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PipeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
