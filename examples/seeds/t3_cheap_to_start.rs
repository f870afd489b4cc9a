//! T3: starting a thread is far cheaper than starting a process.
//!
//! Follows the program that starts a thread and then a process, each printing `hello`, and reads the
//! cost off the order of the lines: the thread prints before the main thread goes on, the process
//! after.
//!
//! Better here: the order is up to the scheduler (Python waits until a new thread has begun, and
//! not until a new process has; we do it the other way round), so this program measures what it is
//! about. The process is this program once more, with nothing of its memory, ready to be given a
//! function; `true`, the smallest program there is, stands beside it.

use std::time::{Duration, Instant};

use examples::Options;
use manyhands::processes::Command;
use manyhands::{Process, Thread};

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
    let process = Process::start(|()| println!("hello"), ())?;
    println!("主线程/主进程");
    process.join()?;

    let thread = cheapest(|| Ok(Thread::spawn(|| ()).join()?))?;
    let process = cheapest(|| Ok(Process::start(|()| (), ())?.join()?))?;
    let program = cheapest(|| Ok(Command::new("true").status().map(drop)?))?;
    println!("a thread, started and joined: {:.1} µs", thread.as_secs_f64() * 1e6);
    println!("a process, started and joined: {:.1} µs", process.as_secs_f64() * 1e6);
    println!("the program `true`, run to its end: {:.1} µs", program.as_secs_f64() * 1e6);
    println!("ratio: {:.1}", process.as_secs_f64() / thread.as_secs_f64());
    Ok(())
}
