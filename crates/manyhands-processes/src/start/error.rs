//! Why a process was not started.

use std::fmt;
use std::io;

/// What sort of failure a [`StartError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartErrorKind {
    /// The operating system refused; the message says what and what may help.
    System,
    /// The function or its argument cannot go to another process.
    NotPortable,
    /// Workers have started workers have started workers, more than anybody means to.
    TooDeep,
    /// What was started is not this program.
    WrongImage,
    /// The process ended before it reported.
    DiedEarly,
    /// The process did not report in time.
    TimedOut,
    /// This process is a worker whose `main` has not come to [`init`](crate::init) yet.
    InitMissing,
}

/// Why a process of this program was not started, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    kind: StartErrorKind,
    message: String,
}

impl StartError {
    pub(crate) fn new(kind: StartErrorKind, message: impl Into<String>) -> StartError {
        StartError { kind, message: message.into() }
    }

    /// A refusal of the operating system; says what to do about the usual ones.
    pub(crate) fn system(what: &str, error: &io::Error) -> StartError {
        let advice = match error.raw_os_error() {
            Some(libc::EMFILE) => {
                "; this process has too many open files: each worker takes a few descriptors here, \
                 see `ulimit -n`"
            }
            Some(libc::ENFILE) => "; the system has too many open files",
            Some(libc::EAGAIN) => "; there are too many processes or threads: see `ulimit -u`",
            Some(libc::E2BIG) => "; the environment and the arguments are too large",
            _ => "",
        };
        StartError::new(StartErrorKind::System, format!("{what}: {error}{advice}"))
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> StartErrorKind {
        self.kind
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StartError {}
