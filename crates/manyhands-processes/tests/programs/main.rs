//! What is decided in `main`: where workers are taken over, and how a program with processes ends.
//!
//! These tests are about a real `main`, so this program has one of its own. It runs itself again for
//! each scenario and looks at how that ended. A scenario that calls `init` is reached by its workers
//! too, since they have the same environment. The arguments that test runners give are understood as
//! far as they are needed.

#[path = "../../../manyhands-threads/tests/ending/harness.rs"]
mod harness;
mod scenarios;

use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use harness::Expected;

/// Set to the name of a scenario in a process that plays it.
const PLAYED: &str = "MANYHANDS_PROCESSES_SCENARIO";

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(PLAYED) {
        return match scenarios::ALL.iter().find(|scenario| scenario.name == name) {
            Some(scenario) => (scenario.play)(),
            None => panic!("there is no scenario named {name}"),
        };
    }
    harness::run(scenarios::ALL, play)
}

/// Plays a scenario in a process of its own.
///
/// # Errors
/// What was not as expected.
fn play(name: &str, expected: &Expected) -> Result<(), String> {
    // Scenarios may do something to their binary, so each gets a copy.
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let program = folder.path().join("program");
    std::fs::copy("/proc/self/exe", &program).map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .env(PLAYED, name)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // What a scenario prints fits into a pipe, so it can be read when it has ended.
    let end = Instant::now() + Duration::from_secs(60);
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if Instant::now() > end {
            child.kill().map_err(|error| error.to_string())?;
            let output = child.wait_with_output().map_err(|error| error.to_string())?;
            return Err(format!("it hangs\n{}", text_of(&output)));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let as_expected = output.status.code() == Some(expected.code)
        && printed == expected.printed
        && expected.errors.iter().all(|part| errors.contains(part))
        && (!expected.errors.is_empty() || errors.is_empty());
    match as_expected {
        true => Ok(()),
        false => Err(format!("expected {expected:?}, but\n{}", text_of(&output))),
    }
}

fn text_of(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
