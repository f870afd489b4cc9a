//! C6: ten tasks one after the other, and ten at once.
//!
//! Follows the program with `synchronous()` and `asynchronous()`: ten times half a second, 5 s
//! against 0.5 s.
//!
//! Better here: the task is the same function in both, and nothing was patched before it.

use std::time::{Duration, Instant};

use examples::Options;
use manyhands::{sleep, spawn_local, wait_all};

fn task(number: u32, pause: Duration) {
    sleep(pause);
    println!("Task {number} done");
}

fn synchronous(pause: Duration) {
    for number in 0..10 {
        task(number, pause);
    }
}

fn asynchronous(pause: Duration) {
    wait_all((0..10).map(|number| spawn_local(move || task(number, pause))));
    println!("DONE");
}

fn timed(run: fn(Duration), pause: Duration) {
    let start = Instant::now();
    run(pause);
    println!("{:.2} s", start.elapsed().as_secs_f64());
}

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(0.5);
    println!("Synchronous:");
    timed(synchronous, pause);
    println!("Asynchronous:");
    timed(asynchronous, pause);
    Ok(())
}
