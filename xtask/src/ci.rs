//! `cargo xtask ci`: everything that is checked on a change besides the tests.

use std::process::Command as Process;

use anyhow::Result;

use crate::commands::Command;
use crate::options::Options;
use crate::process;
use crate::report::{Ending, Outcome, Report, Verdict};
use crate::toolchain::Component;
use crate::workspace::Workspace;
use crate::{layers, tidy};

pub(crate) static COMMAND: Command = Command {
    name: "ci",
    summary: "Check format, lints, documentation, layers and house rules.",
    details: "\
Runs, whatever becomes of each, and sums up:
  fmt      cargo fmt --all --check
  clippy   cargo clippy --workspace --all-targets -- -D warnings
  doc      cargo doc --no-deps of every crate, with warnings as errors
  layers   as cargo xtask layers
  tidy     as cargo xtask tidy
The tests are not part of it: `cargo xtask test` runs them, `.ci/run` both.",
    options: &[],
    run,
};

fn run(options: &Options) -> Result<Verdict> {
    let workspace = Workspace::load()?;
    let mut report = Report::new("ci");
    report.step("fmt", || {
        Component::Rustfmt.provide(&workspace)?;
        passes(process::cargo(&workspace.root).args(["fmt", "--all", "--check"]))
    });
    report.step("clippy", || {
        Component::Clippy.provide(&workspace)?;
        let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        passes(process::cargo(&workspace.root).args(arguments))
    });
    // The command has the name of the facade's library: together, the documentation of one would
    // overwrite that of the other. The libraries come last and stay.
    report.step("doc of the programs", || document(&workspace, "--bins"));
    report.step("doc of the libraries", || document(&workspace, "--lib"));
    report.step("layers", || Ok((layers::COMMAND.run)(options)?.into()));
    report.step("tidy", || Ok((tidy::COMMAND.run)(options)?.into()));
    Ok(report.finish())
}

fn document(workspace: &Workspace, targets: &str) -> Result<Ending> {
    let mut doc = process::cargo(&workspace.root);
    passes(doc.args(["doc", "--workspace", "--no-deps", targets]).env("RUSTDOCFLAGS", "-Dwarnings"))
}

fn passes(command: &mut Process) -> Result<Ending> {
    let outcome = match process::run(command)? {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("{} found something", process::line(command))),
    };
    Ok(outcome.into())
}
