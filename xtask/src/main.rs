//! The daily verbs of the workspace, run as `cargo xtask COMMAND`; `cargo xtask --help` lists them.
#![forbid(unsafe_code)]

mod commands;

mod asan;
mod bench_setup;
mod ci;
mod fuzz;
mod layers;
mod test;
mod tidy;
mod tsan;

mod load;
mod options;
mod process;
mod report;
mod stress;
mod system;
mod toolchain;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    commands::dispatch(&arguments)
}
