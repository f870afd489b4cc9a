//! P4: processes that have ended leave nothing behind, also if nobody joins them.
//!
//! Follows the remark that the main process reclaims its children, because otherwise there would be
//! zombies: entries in the system's list of processes that only their parent can have removed. In
//! Python they stay until somebody calls `join` or `active_children`, or starts another process.
//!
//! Better here: they are gone when they have ended, however they ended, without a call, and without a
//! handler for SIGCHLD in the program.

use std::time::{Duration, Instant};

use anyhow::ensure;
use examples::{ListedProcess, Options};
use manyhands::{Process, sleep};

/// How long to wait for what takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends in one of three ways.
fn end(way: usize) {
    match way % 3 {
        0 => (),
        1 => std::process::exit(1),
        _ => std::process::abort(),
    }
}

/// This program's processes that are in the system's list, ended or not.
fn children() -> anyhow::Result<Vec<ListedProcess>> {
    let mut all = ListedProcess::all()?;
    all.retain(|process| process.parent == std::process::id());
    Ok(all)
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    for way in 0..12 {
        // Nobody keeps it. With a callback its failure is nothing that nobody looks at.
        Process::start(end, way)?.into_task().on_done(|_outcome| ());
    }
    println!("12 processes, which nobody joins");

    let start = Instant::now();
    let mut left = children()?;
    while !left.is_empty() {
        ensure!(start.elapsed() < PATIENCE, "these are left: {left:?}");
        sleep(Duration::from_millis(1));
        left = children()?;
    }
    println!("in the system's list: {}", left.len());
    Ok(())
}
