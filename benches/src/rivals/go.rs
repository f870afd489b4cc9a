//! Go: one program, built when it is first needed, with the jobs of the suite `coroutines`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A command for the program with these words.
///
/// # Errors
/// Why there is none, in words.
pub(crate) fn command(words: &[String]) -> Result<Command, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let mut command = Command::new(PROGRAM.get_or_init(build).as_ref().map_err(Clone::clone)?);
    command.args(words);
    Ok(command)
}

/// Builds it beside this program.
fn build() -> Result<PathBuf, String> {
    let ours = std::env::current_exe().map_err(|error| error.to_string())?;
    let built = ours.with_file_name("bench-go").join("coroutines");
    let source = format!("{}/go/coroutines.go", env!("CARGO_MANIFEST_DIR"));
    let mut compiler = Command::new("go");
    compiler.args(["build", "-o"]).arg(&built).arg(source).stdin(Stdio::null());
    let output = compiler.output().map_err(|error| {
        format!("Go cannot be started ({error}); `cargo xtask bench-setup --all` installs it")
    })?;
    match output.status.success() {
        true => Ok(built),
        false => Err(format!("go build: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
