//! What is decided in `main`: where workers are taken over, and how a program with processes ends.
//!
//! These tests are about a real `main`, so this program has one of its own. It runs itself again for
//! each scenario and looks at how that ended. A scenario that calls `init` is reached by its workers
//! too, since they have the same environment. The arguments that test runners give are understood as
//! far as they are needed.

#[path = "../../../manyhands-threads/tests/ending/harness.rs"]
mod harness;
mod scenarios;

use std::process::ExitCode;

use harness::Scenario;

fn main() -> ExitCode {
    harness::main(scenarios::ALL, play)
}

/// Scenarios may do something to their binary, so each gets a copy.
fn play(scenario: &Scenario) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let program = folder.path().join("program");
    std::fs::copy("/proc/self/exe", &program).map_err(|error| error.to_string())?;
    harness::play(&program, scenario)
}
