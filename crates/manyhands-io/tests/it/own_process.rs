//! Tests that need a process to themselves.

use std::process::{Command, Output};

const INNER: &str = "MANYHANDS_IO_TEST_ALONE";

/// Runs `body` in a process where the test called `name` is the only one, and fails if that fails.
pub(crate) fn in_own_process(name: &str, body: impl FnOnce()) {
    if let Some(output) = alone(name, body) {
        assert!(output.status.success(), "{}", printed(&output));
    }
}

/// Runs `body` in a process where the test called `name` is the only one. Returns how that ended,
/// and in that process itself nothing.
pub(crate) fn alone(name: &str, body: impl FnOnce()) -> Option<Output> {
    if std::env::var_os(INNER).is_some() {
        body();
        return None;
    }
    let this = std::env::current_exe().unwrap();
    let output =
        Command::new(this).args(["--exact", name, "--nocapture"]).env(INNER, "1").output().unwrap();
    Some(output)
}

/// What a process wrote, for messages.
pub(crate) fn printed(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
