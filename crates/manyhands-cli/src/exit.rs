//! How the command ends: one place for the exit codes and for the last words on standard error.

use std::io;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

/// The paragraph on exit codes at the end of every help page.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    everything went well
  1    some tasks or models failed, or outputs differ
  2    wrong usage
  130  interrupted with Ctrl-C (143: by SIGTERM); what was done is printed";

/// How a command that ran to its end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything went well.
    Success,
    /// Part of the work failed; what failed has been reported.
    Failures,
    /// A signal of this number asked the command to stop.
    Interrupted(i32),
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Failures => 1,
            // Signal numbers end at 64, so the sum fits.
            Exit::Interrupted(signal) => 128_u8.saturating_add(signal as u8),
        }
    }
}

/// A wrong use of the command that only shows after parsing: ends with exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Prints the error, if there is one, and tells the process's exit code.
pub(crate) fn finish(result: anyhow::Result<Exit>) -> ExitCode {
    match result {
        Ok(exit) => ExitCode::from(exit.code()),
        // Whoever reads us has seen enough, as `head` has; there is nobody left to tell.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(Exit::Success.code()),
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(if error.is::<Usage>() { 2 } else { Exit::Failures.code() })
        }
    }
}

/// Prints one line on standard error that starts with a red `error:`.
pub(crate) fn complain(message: &str) {
    let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    anstream::eprintln!("{style}error:{style:#} {message}");
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        assert_eq!(Exit::Success.code(), 0);
        assert_eq!(Exit::Failures.code(), 1);
        assert_eq!(Exit::Interrupted(2).code(), 130);
        assert_eq!(Exit::Interrupted(15).code(), 143);
    }

    #[test]
    fn a_broken_pipe_is_found_below_its_context() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&error.context("cannot print the table")));
        assert!(!is_broken_pipe(&anyhow::anyhow!("something else")));
    }
}
