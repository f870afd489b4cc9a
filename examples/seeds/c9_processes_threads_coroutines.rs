//! C9: several processes, several threads in each, many coroutines in each.
//!
//! Follows the remark that coroutines alone use one processor, and that all are used by starting
//! several processes, in each of them several threads, and in each of those coroutines.
//!
//! Better here: threads would do to use all processors. What processes add is that each has memory,
//! and an end, of its own. All three layers are a few lines, and what a process has done comes back
//! as one value.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use examples::{Options, SchedulerTimes};
use manyhands::{Context, CoroutinePool, Process, Task, sleep, wait_all};
use serde::{Deserialize, Serialize};

const THREADS: u64 = 2;
const COROUTINES: u64 = 50;
/// Between them a coroutine waits, and others of its thread go on.
const ROUNDS: u64 = 4;

/// What one process is to do: so many numbers, from this one on.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Share {
    from: u64,
    numbers: u64,
}

impl Share {
    /// One of `parts` parts of it.
    fn part(self, number: u64, parts: u64) -> Share {
        let each = self.numbers / parts;
        Share { from: self.from + number * each, numbers: each }
    }

    fn sum(self) -> u64 {
        (self.from..self.from + self.numbers).map(std::hint::black_box).fold(0, u64::wrapping_add)
    }
}

/// What one process has done.
#[derive(Serialize, Deserialize)]
struct Report {
    pid: u32,
    threads: usize,
    coroutines: usize,
    sum: u64,
    times: SchedulerTimes,
}

/// The body of a coroutine: its sum, the thread it ran in, and which coroutine it was.
fn compute(share: Share) -> (u64, i32, u64) {
    let mut sum = 0_u64;
    for round in 0..ROUNDS {
        sum = sum.wrapping_add(share.part(round, ROUNDS).sum());
        sleep(Duration::from_millis(1));
    }
    (sum, rustix::thread::gettid().as_raw_nonzero().get(), Context::current().id())
}

/// The main function of a process.
fn work(share: Share) -> Result<Report, String> {
    let pool = CoroutinePool::new(THREADS as usize).map_err(|error| error.to_string())?;
    let parts = THREADS * COROUTINES;
    let tasks: Vec<Task<_>> = (0..parts)
        .map(|number| share.part(number, parts))
        .map(|part| pool.spawn(move || compute(part)))
        .collect();
    wait_all(&tasks);
    let times = SchedulerTimes::of_this_process().map_err(|error| error.to_string())?;

    let mut sum = 0_u64;
    let (mut threads, mut coroutines) = (BTreeSet::new(), BTreeSet::new());
    for task in tasks {
        let (part, thread, coroutine) = task.result().map_err(|error| error.to_string())?;
        sum = sum.wrapping_add(part);
        threads.insert(thread);
        coroutines.insert(coroutine);
    }
    let pid = std::process::id();
    Ok(Report { pid, threads: threads.len(), coroutines: coroutines.len(), sum, times })
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let cores = std::thread::available_parallelism()?.get() as u64;
    let processes = cores.max(2);
    let steps = processes * THREADS * COROUTINES * ROUNDS;
    let each = (1e9 * options.scale()) as u64 / steps;
    let all = Share { from: 0, numbers: each * steps };

    let start = Instant::now();
    let processes: Vec<Process<_>> = (0..processes)
        .map(|number| Process::start(work, all.part(number, processes)))
        .collect::<Result<_, _>>()?;
    let mut sum = 0_u64;
    let mut times = SchedulerTimes::default();
    for process in processes {
        let report = process.join()?.map_err(anyhow::Error::msg)?;
        let Report { pid, threads, coroutines, .. } = report;
        println!("process {pid}: {threads} threads, {coroutines} coroutines");
        sum = sum.wrapping_add(report.sum);
        times = times + report.times;
    }
    let took = start.elapsed().as_secs_f64();

    println!("sum of the numbers below {}: {sum}", all.numbers);
    println!("took {took:.3} s");
    println!("busy: {:.2} of {cores} cores", times.running.as_secs_f64() / took);
    // On a busy machine, others have the cores for part of the time.
    let ready = (times.running + times.waiting).as_secs_f64() / took;
    println!("at any moment, {ready:.2} threads could have used a core");
    Ok(())
}
