//! Measures manyhands against its rivals, in the same run on the same machine.
//!
//! `cargo run --release -p benches -- SUITE [--json]`. What is measured, how to read the figures and
//! what came out is in `README.md`.
//!
//! - [`arguments`] – what the command line asks for
//! - [`suites`] – the suites and their cases: what is done and which bar it is held to
//! - [`ours`] and [`rivals`] – the same jobs done by manyhands and by everybody else
//! - [`measure`] – interleaved repeats, median and spread
//! - [`report`] – rows as a table or as JSON
//! - [`process`], [`usage`] and [`machine`] – child processes, what they use, and of what

#![forbid(unsafe_code)]

mod arguments;
mod machine;
mod measure;
mod ours;
mod process;
mod report;
mod rivals;
mod suites;
mod usage;

use std::process::ExitCode;

use crate::arguments::{Ask, USAGE};

fn main() -> ExitCode {
    rivals::procspawn::take_over();
    match Ask::read(std::env::args().skip(1)).and_then(|ask| answer(&ask)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("benches: {trouble:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer(ask: &Ask) -> anyhow::Result<()> {
    match ask {
        Ask::Help => {
            print!("{USAGE}{}", suites::list());
            Ok(())
        }
        Ask::Child { part, words } => suites::play(part, words),
        Ask::Measure(order) => suites::run(order),
    }
}
