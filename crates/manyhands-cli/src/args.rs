//! The command line, parsed to plain data.

use std::time::Duration;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::compare::CompareArgs;
use crate::exit::EXIT_CODES;
use crate::fetch::FetchArgs;
use crate::site::ServeArgs;

/// Many hands make light work: one workload under threads, processes, async tasks and more.
#[derive(Debug, Parser)]
#[command(name = "manyhands", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one workload under several models and compare them
    Compare(CompareArgs),
    /// Fetch many URLs, on the executor of your choice
    Fetch(FetchArgs),
    /// Serve a small site that waits as far servers do
    Serve(ServeArgs),
    /// Print the completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print a manual page
    Man {
        /// The subcommand whose page to print instead of the command's own
        subcommand: Option<String>,
    },
    /// Run the order on standard input under one model and print what was measured
    #[command(hide = true)]
    RunModel,
    /// Run tasks of which one aborts under one model and print what arrives
    #[command(hide = true)]
    RunCrash,
}

/// Parses a factor: a finite number that is not negative.
///
/// # Errors
/// Says what is expected.
pub(crate) fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor >= 0.0 => Ok(factor),
        _ => Err("expected a number that is not negative, such as 0.5".to_owned()),
    }
}

/// Parses a number of seconds that is more than nought.
///
/// # Errors
/// Says what is expected.
pub(crate) fn positive_seconds(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number of seconds above 0, such as 2.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| expected())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn numbers_are_checked() {
        assert_eq!(factor("0"), Ok(0.0));
        assert!(factor("-1").is_err() && factor("inf").is_err() && factor("x").is_err());
        assert_eq!(positive_seconds("2.5"), Ok(Duration::from_millis(2500)));
        assert!(positive_seconds("0").is_err() && positive_seconds("-1").is_err());
        assert!(positive_seconds("1e30").is_err() && positive_seconds("soon").is_err());
    }
}
