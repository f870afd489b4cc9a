//! T3: starting a thread is far cheaper than starting a process.
//!
//! Follows the program that starts a thread and then a process, each printing `hello`, and reads the
//! cost off the order of the lines: the thread prints before the main thread goes on, the process
//! after. The order is up to the scheduler (Python waits until a new thread has begun, we do not
//! make the caller wait), so this program measures instead. `Process` comes later; for now the
//! smallest program there is, `true`, stands for it.

use std::process::Command;
use std::time::{Duration, Instant};

use examples::Options;
use manyhands::Thread;

const TIMES: u32 = 200;

/// The shortest of many runs: what it costs when nothing else is in the way.
fn cheapest(mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let mut shortest = Duration::MAX;
    for _ in 0..TIMES {
        let start = Instant::now();
        run()?;
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    let thread = Thread::spawn(|| println!("hello"));
    println!("主线程/主进程");
    thread.join()?;

    let thread = cheapest(|| Ok(Thread::spawn(|| ()).join()?))?;
    let process = cheapest(|| {
        Command::new("true").status()?;
        Ok(())
    })?;
    println!("a thread, started and joined: {:.1} µs", thread.as_secs_f64() * 1e6);
    println!("a process, started and waited for: {:.1} µs", process.as_secs_f64() * 1e6);
    println!("ratio: {:.1}", process.as_secs_f64() / thread.as_secs_f64());
    Ok(())
}
