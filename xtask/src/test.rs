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
  the tests of the examples
  the documentation tests
  the loom models of manyhands-wait and manyhands-executor (own folder target/loom)
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
            for stage in stages.iter().filter(|stage| stage.can_build_alone) {
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
        self.run_with(workspace, &[])
    }

    /// Builds what the stage runs, and runs nothing.
    fn build(&self, workspace: &Workspace) -> Result<Ending> {
        self.run_with(workspace, &["--no-run"])
    }

    fn run_with(&self, workspace: &Workspace, extra: &[&str]) -> Result<Ending> {
        let (arguments, environment) = match &self.work {
            Work::Skip(why) => return Ok(Outcome::Skipped(why.clone()).into()),
            Work::Cargo { arguments, environment } => (arguments, environment),
        };
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(arguments).args(extra).envs(environment.iter().cloned());
        run_tests(&mut cargo)
    }
}

/// Runs a test runner and keeps its closing lines.
pub(crate) fn run_tests(command: &mut std::process::Command) -> Result<Ending> {
    let kept = process::run_keeping(command, is_closing_line)?;
    let outcome = match kept.status.success() {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("{}: {}", process::line(command), kept.status)),
    };
    Ok(Ending { outcome, closing_lines: kept.lines })
}

/// Whether a line (without colours) is one with which a runner sums up, or names a failed test.
fn is_closing_line(line: &str) -> bool {
    let text = line.trim_start();
    let of_nextest =
        ["Summary [", "FAIL [", "TIMEOUT [", "SIGABRT [", "SIGSEGV [", "LEAK [", "LEAK-FAIL ["];
    let of_cargo = ["test result:", "error: test", "error: could not compile", "error: no tests"];
    of_nextest.iter().chain(&of_cargo).any(|opening| text.starts_with(opening))
        || (text.starts_with("test ") && text.trim_end().ends_with("... FAILED"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_known() {
        for line in [
            "     Summary [   0.512s] 12 tests run: 11 passed, 1 failed, 0 skipped",
            "        FAIL [   0.004s] xtask layers::tests::table",
            "     TIMEOUT [ 60.004s] xtask layers::tests::table",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured",
            "test layers::tests::table ... FAILED",
            "error: test run failed",
        ] {
            assert!(is_closing_line(line), "{line}");
        }
        for line in
            ["        PASS [   0.004s] xtask a", "test layers::table ... ok", "running 3 tests"]
        {
            assert!(!is_closing_line(line), "{line}");
        }
    }
}
