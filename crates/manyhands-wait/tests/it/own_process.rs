//! Tests that need a process to themselves: because of what it prints, or how it ends.

use std::process::{Command, Output};

const ALONE: &str = "MANYHANDS_TEST_ALONE";

/// Runs `body` in a process where the test called `name` is the only one, with these variables.
/// Returns how that ended; in that process itself, nothing.
pub(crate) fn alone(name: &str, variables: &[(&str, &str)], body: impl FnOnce()) -> Option<Output> {
    if std::env::var_os(ALONE).is_some() {
        body();
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
    command.envs(variables.iter().copied());
    Some(command.output().unwrap())
}

/// What a process wrote to standard error, after a look at its good end.
#[track_caller]
pub(crate) fn errors_of(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{printed}{errors}", output.status);
    errors
}
