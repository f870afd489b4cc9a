//! How a process ended: a program, or a worker of this one.

use std::fmt;

use rustix::process::WaitIdStatus;
use serde::{Deserialize, Serialize};

/// How a program ended: with an exit code, or by a signal.
///
/// ```
/// use manyhands_processes::Command;
///
/// let status = Command::shell("exit 3").status()?;
/// assert_eq!(status.code(), Some(3));
/// assert_eq!(status.to_string(), "exit code 3");
/// # Ok::<(), manyhands_processes::CommandError>(())
/// ```
#[doc(alias = "returncode")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExitStatus(End);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum End {
    Code(i32),
    Signal { number: i32, core_dumped: bool },
}

impl ExitStatus {
    /// Whether the program ended with exit code 0.
    pub fn is_success(self) -> bool {
        self.0 == End::Code(0)
    }

    /// The exit code, 0 to 255; `None` if a signal ended the program.
    pub fn code(self) -> Option<i32> {
        match self.0 {
            End::Code(code) => Some(code),
            End::Signal { .. } => None,
        }
    }

    /// The number of the signal that ended the program; `None` if it exited.
    pub fn signal(self) -> Option<i32> {
        match self.0 {
            End::Code(_) => None,
            End::Signal { number, .. } => Some(number),
        }
    }

    /// Whether the program left a core dump.
    pub fn core_dumped(self) -> bool {
        matches!(self.0, End::Signal { core_dumped: true, .. })
    }

    /// The number a shell shows for it: the exit code, or 128 and the number of the signal.
    pub fn shell_code(self) -> i32 {
        match self.0 {
            End::Code(code) => code,
            End::Signal { number, .. } => 128 + number,
        }
    }

    /// `None` if the process has not ended.
    pub(crate) fn of(status: &WaitIdStatus) -> Option<ExitStatus> {
        if let Some(code) = status.exit_status() {
            return Some(ExitStatus(End::Code(code)));
        }
        let number = status.terminating_signal()?;
        Some(ExitStatus(End::Signal { number, core_dumped: status.dumped() }))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            End::Code(code) => write!(f, "exit code {code}"),
            End::Signal { number, core_dumped } => {
                write!(f, "signal {number}")?;
                if let Some(name) = signal_name(number) {
                    write!(f, " ({name})")?;
                }
                if core_dumped { f.write_str(", core dumped") } else { Ok(()) }
            }
        }
    }
}

/// The names that are the same on all architectures of Linux that Rust has, where they have one.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}
