//! `cargo xtask test`: every test of the workspace, with what they need, in one command.

use anyhow::Result;

use crate::commands::Command;
use crate::load::Load;
use crate::options::{OptionSpec, Options};
use crate::process;
use crate::report::{Ending, Outcome, Report, Verdict};
use crate::system::{self, Tool};
use crate::workspace::Workspace;
pub(crate) use stages::{Runner, with_inherited_flags};
use stages::{Stage, Work};

mod stages;

pub(crate) static COMMAND: Command = Command {
    name: "test",
    summary: "Set up what the tests need and run all of them.",
    details: "\
Stages, all of them run whatever becomes of each:
  unit and integration tests of every crate
  the tests inside the example programs
  the documentation tests
  the loom models of manyhands-wait, manyhands-sync, manyhands-executor and
  manyhands-coroutines (own folder target/loom)
cargo-nextest runs the first two where it is installed, otherwise cargo test does.
System packages that are missing are installed with apt-get when this runs as root;
otherwise the command says what to install. The lines with which each runner closed are
repeated at the end, followed by one line per stage. The exit code is 1 if any failed.",
    options: &[
        OptionSpec { name: "--quick", value: None, about: "Leave out the loom models." },
        OptionSpec {
            name: "--stress",
            value: Some("N"),
            about: "Run everything N times while one spinning thread per processor loads the machine.",
        },
    ],
    run,
};

/// What the tests use besides the Rust toolchain.
const TOOLS: &[&Tool] = &[&Tool {
    name: "a C compiler",
    probe: &["cc", "--version"],
    packages: &["gcc", "libc6-dev"],
    purpose: "linking",
}];

fn run(options: &Options) -> Result<Verdict> {
    let workspace = Workspace::load()?;
    let mut report = Report::new("test");
    report.step("what the tests need", || {
        system::provide(TOOLS)?;
        Ok(Outcome::Passed.into())
    });
    let runner = Runner::detect(&workspace);
    let stages = stages::plan(&workspace, runner, options.has("--quick"));
    match options.count("--stress") {
        None => run_all(&mut report, &workspace, &stages, ""),
        Some(rounds) => {
            // Everything is built first: the load is meant for the tests, not for the compiler.
            for stage in stages.iter().filter(|stage| stage.can_build_alone()) {
                let name = format!("build: {}", stage.name);
                report.step(&name, || stage.build(&workspace));
            }
            let load = Load::start();
            println!("\nunder load: {} spinning threads, {rounds} rounds", load.threads());
            for round in 1..=rounds {
                run_all(&mut report, &workspace, &stages, &format!("round {round} of {rounds}: "));
            }
        }
    }
    Ok(report.finish())
}

fn run_all(report: &mut Report, workspace: &Workspace, stages: &[Stage], before_name: &str) {
    for stage in stages {
        report.step(&format!("{before_name}{}", stage.name), || stage.run(workspace));
    }
}

impl Stage {
    fn run(&self, workspace: &Workspace) -> Result<Ending> {
        let (runner, selection, environment) = match &self.work {
            Work::Skip(why) => return Ok(Outcome::Skipped(why.clone()).into()),
            Work::Tests { runner, selection, environment } => (runner, selection, environment),
        };
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(runner.run_arguments(selection)).envs(environment.iter().cloned());
        run_tests(*runner, &mut cargo)
    }

    fn can_build_alone(&self) -> bool {
        match &self.work {
            Work::Skip(_) => false,
            Work::Tests { runner, selection, .. } => runner.build_arguments(selection).is_some(),
        }
    }

    /// Builds what the stage runs, and runs nothing.
    fn build(&self, workspace: &Workspace) -> Result<Ending> {
        let Work::Tests { runner, selection, environment } = &self.work else {
            return Ok(Outcome::Passed.into());
        };
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(runner.build_arguments(selection).unwrap_or_default());
        run_tests(*runner, cargo.envs(environment.iter().cloned()))
    }
}

/// Runs a command of this runner and keeps its closing lines, each once.
pub(crate) fn run_tests(runner: Runner, command: &mut std::process::Command) -> Result<Ending> {
    let kept = process::run_keeping(command, |line| runner.is_closing_line(line))?;
    let outcome = match kept.status.success() {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("{}: {}", process::line(command), kept.status)),
    };
    let mut closing_lines: Vec<String> = Vec::new();
    for line in kept.lines {
        // nextest names each failure again at its end; equal results of cargo test are different.
        if runner == Runner::CargoTest || !closing_lines.contains(&line) {
            closing_lines.push(line);
        }
    }
    Ok(Ending { outcome, closing_lines })
}
