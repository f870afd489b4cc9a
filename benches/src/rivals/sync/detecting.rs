//! parking_lot with its search for deadlocks: a program of its own, because libraries are built once
//! for all who use them in a build, with the features of all.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::measure::Contender;
use crate::process::{answer, number};

pub(crate) const NAME: &str = "parking_lot, detecting";

/// A contender that does the job of these words; its figure is this field of the answer.
pub(crate) fn contender(words: &[&dyn ToString], field: &'static str) -> Contender<'static> {
    let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
    Contender::single(NAME, move || {
        let mut command = Command::new(program().map_err(anyhow::Error::msg)?);
        command.args(&words);
        number(&answer(command)?, field)
    })
}

/// The program, built when it is first asked for.
fn program() -> Result<&'static PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_ref().map_err(Clone::clone)
}

/// Builds it beside this program.
fn build() -> Result<PathBuf, String> {
    let ours = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = ours.with_file_name("bench-detecting");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--manifest-path"]);
    cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/detecting/Cargo.toml"));
    cargo.arg("--target-dir").arg(&target).stdin(Stdio::null()).stdout(Stdio::null());
    let output = cargo.output().map_err(|error| format!("cargo cannot be started: {error}"))?;
    match output.status.success() {
        true => Ok(target.join("release").join("detecting")),
        false => Err(format!("cargo build: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
