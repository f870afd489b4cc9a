//! How a worker died.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known of the death of the process or machine that ran a task; see
/// [`TaskError::worker_death`](crate::TaskError::worker_death).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerDeath {
    /// The number of its process.
    pub pid: u32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The code with which it ended by itself. A task that calls `exit(0)` kills its worker too.
    pub exit_code: Option<i32>,
    /// Whether it left a core dump.
    pub core_dumped: bool,
    /// Whether the system was short of memory: it was killed by a signal that nobody here sent, and
    /// the kernel has counted a process killed for want of memory since.
    pub likely_oom: bool,
    /// Why its executor has killed it, if it did so because the worker told it what cannot be: its
    /// memory is damaged, most likely by the task.
    pub killed_for: Option<String>,
    /// The last lines that it wrote to standard error since the task began, empty if there were none.
    ///
    /// What threads and processes write that earlier tasks have left behind is among them, and perhaps
    /// what an earlier task wrote, if the reader was at work just when this one began.
    pub stderr_tail: String,
}

impl WorkerDeath {
    /// The death of the process of this number, of which nothing more is known yet.
    pub fn of(pid: u32) -> WorkerDeath {
        WorkerDeath { pid, ..WorkerDeath::default() }
    }
}

impl fmt::Display for WorkerDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the worker (process {}) ", self.pid)?;
        match (self.signal, self.exit_code) {
            (Some(signal), _) => write!(f, "was killed by {}", NamedSignal(signal))?,
            (None, Some(code)) => write!(f, "exited with code {code}")?,
            (None, None) => f.write_str("is gone")?,
        }
        if let Some(why) = &self.killed_for {
            write!(f, " because it is damaged: {why}")?;
        }
        if self.core_dumped {
            f.write_str(" (core dumped)")?;
        }
        if self.likely_oom {
            f.write_str(", most likely because the system ran out of memory")?;
        }
        if !self.stderr_tail.is_empty() {
            write!(f, "; its last words: {}", self.stderr_tail.trim_end())?;
        }
        Ok(())
    }
}

/// A signal by its number, and by its name if it is one of those that kill.
struct NamedSignal(i32);

impl fmt::Display for NamedSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // These numbers are the same on all platforms that workers run on.
        let name = match self.0 {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            4 => "SIGILL",
            5 => "SIGTRAP",
            6 => "SIGABRT",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            15 => "SIGTERM",
            number => return write!(f, "signal {number}"),
        };
        write!(f, "signal {} ({name})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_in_words() {
        let mut death = WorkerDeath { signal: Some(6), core_dumped: true, ..WorkerDeath::of(7) };
        death.stderr_tail = "no space\nleft\n".to_owned();
        let text = death.to_string();
        assert_eq!(
            text,
            "the worker (process 7) was killed by signal 6 (SIGABRT) (core dumped); its last \
             words: no space\nleft"
        );
        let exit = WorkerDeath { exit_code: Some(0), ..WorkerDeath::of(7) };
        assert_eq!(exit.to_string(), "the worker (process 7) exited with code 0");
        let why = Some("a slot holds another task".to_owned());
        let killed = WorkerDeath { signal: Some(9), killed_for: why, ..WorkerDeath::of(7) };
        assert_eq!(
            killed.to_string(),
            "the worker (process 7) was killed by signal 9 (SIGKILL) because it is damaged: a slot \
             holds another task"
        );
    }
}
