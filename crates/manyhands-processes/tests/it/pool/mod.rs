//! Pools of processes as their users see them.

mod basics;
mod callbacks;
mod ending_tasks;
mod faults;
mod forks;
mod lifecycle;
mod limits;
mod nonsense;
mod orphans;
mod payloads;
mod retries;
mod tidiness;
mod without_threads;

use std::sync::Mutex;
use std::time::Duration;

/// Tests that count the processes or descriptors of this process, or that need most of the machine,
/// run one after the other also where all tests share a process.
static ALONE: Mutex<()> = Mutex::new(());

fn double(n: u64) -> u64 {
    n * 2
}

fn pid(_: ()) -> u32 {
    std::process::id()
}

/// Computes for so long, and neither waits nor checks.
fn compute(millis: u64) -> u64 {
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(millis) {
        std::hint::black_box(0);
    }
    millis
}

/// Never ends, and neither waits nor checks.
fn compute_for_ever(_: ()) {
    loop {
        std::hint::black_box(0);
    }
}

/// Waits for ever, in a way that can be cancelled.
fn wait_for_ever(_: ()) {
    manyhands_wait::sleep(Duration::from_secs(100_000));
}
