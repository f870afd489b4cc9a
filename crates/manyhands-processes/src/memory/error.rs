//! What can go wrong with memory between processes.

use std::fmt;
use std::io;

/// Why memory was not made, not received, or not understood.
///
/// What kind of failure it is, the methods tell; the text says what happened, to which memory, and
/// what to do.
#[derive(Debug)]
pub struct MemoryError {
    kind: Kind,
    message: String,
    source: Option<io::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    System,
    TooLarge,
    Refused,
    Codec,
}

impl MemoryError {
    /// The operating system refused `what`, such as "mapping shared memory".
    pub(crate) fn system(what: impl fmt::Display, error: impl Into<io::Error>) -> MemoryError {
        let error = error.into();
        let advice = match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => " (see `ulimit -n`)",
            _ => "",
        };
        let message = format!("{what} failed: {error}{advice}");
        MemoryError { kind: Kind::System, message, source: Some(error) }
    }

    pub(crate) fn too_large(message: impl Into<String>) -> MemoryError {
        MemoryError { kind: Kind::TooLarge, message: message.into(), source: None }
    }

    /// What came from another process is not what it should be.
    pub(crate) fn refused(message: impl Into<String>) -> MemoryError {
        MemoryError { kind: Kind::Refused, message: message.into(), source: None }
    }

    pub(crate) fn codec(message: impl Into<String>) -> MemoryError {
        MemoryError { kind: Kind::Codec, message: message.into(), source: None }
    }

    /// Whether the memory asked for is larger than there can be.
    pub fn is_too_large(&self) -> bool {
        self.kind == Kind::TooLarge
    }

    /// Whether memory of another process was refused: it is not sealed as it should be, or not as
    /// long, or not known.
    pub fn is_refused(&self) -> bool {
        self.kind == Kind::Refused
    }

    /// Whether a value could not be encoded or decoded.
    pub fn is_codec(&self) -> bool {
        self.kind == Kind::Codec
    }

    /// What the operating system said, if it was it that refused.
    pub fn io_error(&self) -> Option<&io::Error> {
        self.source.as_ref()
    }
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MemoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
