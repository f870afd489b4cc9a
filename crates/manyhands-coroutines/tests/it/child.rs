//! Tests whose subject ends the process or changes its limits: the test binary starts itself.

use std::process::{Command, Output};

const ASKED_FOR: &str = "MANYHANDS_TEST_CHILD";

/// Whether this process is the child that [`run`] has started for `name`.
pub(crate) fn is_asked_for(name: &str) -> bool {
    std::env::var(ASKED_FOR).is_ok_and(|asked_for| asked_for == name)
}

/// Runs the test `name` of this binary in a child process until it ends.
pub(crate) fn run(name: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ASKED_FOR, name)
        .output()
        .unwrap()
}
