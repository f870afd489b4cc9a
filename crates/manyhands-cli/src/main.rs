//! The command `manyhands`: one workload under threads, processes, async tasks and other models.

#![forbid(unsafe_code)]

mod args;
mod compare;
mod exit;
mod fetch;
mod grid;
mod input;
mod interrupt;
mod manual;
mod progress;
mod report;
mod site;
mod units;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit::finish(run(&arguments.command))
}

fn run(command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Compare(args) => compare::run(args),
        Command::Fetch(args) => fetch::run(args),
        Command::Serve(args) => site::run(args),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { subcommand } => manual::man(subcommand.as_deref()),
        Command::RunModel => compare::run_model(),
        Command::RunCrash => compare::run_crash(),
    }
}
