//! A crash costs one task: of a hundred tasks in a pool of processes one aborts, the 99 others have
//! their results, and the pool goes on.
//!
//! The error says how the worker ended and what its last words were. `panic` is not a crash: it stays
//! within its task, and its worker goes on. Python's `ProcessPoolExecutor` is broken after a crash, and
//! every task that has not ended fails.

use examples::Options;
use manyhands::{ExecutorExt, ProcessPool, RetryPolicy, Task, TaskOptions};

fn square(n: u64) -> u64 {
    if n == 37 {
        eprintln!("37 is more than I can take");
        std::process::abort();
    }
    n * n
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let pool = ProcessPool::new(2)?;
    let tasks: Vec<Task<u64>> = (0..100).map(|n| pool.submit(square, n)).collect();
    let mut right = 0;
    for (n, task) in (0..).zip(tasks) {
        match task.result() {
            Ok(square) => right += u64::from(square == n * n),
            Err(error) => {
                println!("task {n}: {:?}", error.kind());
                if let Some(death) = error.worker_death() {
                    println!(
                        "  signal {:?}, last words: {}",
                        death.signal,
                        death.stderr_tail.trim()
                    );
                }
            }
        }
    }
    println!("{right} right results");
    println!("the pool goes on: {}", pool.submit(square, 12).result()?);

    // A crash is not tried again by itself: the task may have done half of its work. Who knows
    // better says so.
    let policy = RetryPolicy::new(3).base(options.scaled(0.01));
    let task = pool.with(TaskOptions::new()).retries(policy).submit(square, 37);
    println!("tried again: {:?}", task.result().map_err(|error| error.kind()));
    println!("workers that died: {}", pool.statistics().died);
    Ok(())
}
