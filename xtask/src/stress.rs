//! `cargo xtask stress`: the wait-for graph under many contexts, for as long as it is told.

use anyhow::Result;

use crate::commands::Command;
use crate::options::{OptionSpec, Options};
use crate::process;
use crate::report::Verdict;
use crate::workspace::Workspace;

const OPERATIONS: &str = "--operations";
const SEED: &str = "--seed";
const CONTEXTS: &str = "--contexts";

/// As many as it takes to trust that nothing is reported that is none.
const DEFAULT_OPERATIONS: u32 = 100_000_000;

pub(crate) static COMMAND: Command = Command {
    name: "stress",
    summary: "Look for deadlocks that are none, and for some that are missed.",
    details: "\
Runs the stress tests of the wait-for graph (crates/manyhands-wait, tests/it/graph/stress.rs)
optimised and for long. Threads and async tasks take several locks at a time: in one order, where
a single report is a failure, and in any order, where each deadlock must be found and have one
victim, and nobody may hang. The seed is printed; with the same one the same choices are made,
though not at the same times.",
    options: &[
        OptionSpec {
            name: OPERATIONS,
            value: Some("N"),
            about: "How often locks are taken, for each of both (100,000,000).",
        },
        OptionSpec { name: SEED, value: Some("N"), about: "What the random numbers begin with." },
        OptionSpec { name: CONTEXTS, value: Some("N"), about: "How many contexts take locks (6)." },
    ],
    run,
};

fn run(options: &Options) -> Result<Verdict> {
    let workspace = Workspace::load()?;
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["test", "--release", "-p", "manyhands-wait", "--test", "it", "--"]);
    cargo.args(["graph::stress", "--nocapture", "--test-threads=1"]);
    let operations = options.count(OPERATIONS).unwrap_or(DEFAULT_OPERATIONS);
    cargo.env("MANYHANDS_STRESS_OPERATIONS", operations.to_string());
    for (option, variable) in
        [(SEED, "MANYHANDS_STRESS_SEED"), (CONTEXTS, "MANYHANDS_STRESS_CONTEXTS")]
    {
        if let Some(number) = options.count(option) {
            cargo.env(variable, number.to_string());
        }
    }
    Ok(Verdict::of(process::run(&mut cargo)?))
}
