//! What a program left behind: how it ended and what it wrote.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exit_status::ExitStatus;
use crate::memory::Bytes;

/// How a program ended and what it wrote where output is captured. Portable: it may be the result of
/// a task on any executor.
#[doc(alias = "CompletedProcess")]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOutput {
    status: Option<ExitStatus>,
    stdout: Bytes,
    stderr: Bytes,
}

impl CommandOutput {
    pub(super) fn new(status: Option<ExitStatus>, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        CommandOutput { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    /// How the program ended. `None` only in what an error carries, if the program could not be
    /// ended in time.
    pub fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// Whether the program ended with exit code 0.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(ExitStatus::is_success)
    }

    /// What it wrote to standard output; nothing if that was not captured.
    pub fn stdout(&self) -> &[u8] {
        &self.stdout
    }

    /// What it wrote to standard error; nothing if that was not captured, or merged into standard
    /// output.
    pub fn stderr(&self) -> &[u8] {
        &self.stderr
    }

    /// Standard output as text; what is not UTF-8 is replaced.
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text; what is not UTF-8 is replaced.
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// Standard output and standard error, without a copy.
    pub fn into_parts(self) -> (Bytes, Bytes) {
        (self.stdout, self.stderr)
    }
}

impl fmt::Debug for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandOutput")
            .field("status", &self.status)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish()
    }
}
