//! E2: a pool of processes, with the interface of every other executor.
//!
//! Follows the programs around `ProcessPoolExecutor(max_workers=3)`: eleven tasks that take one to
//! three seconds and return squares, read in the order of submission after `shutdown(True)`; the same
//! with `map`; the default size, which is the number of processors; and 0, which is an error.
//!
//! Only what can be serialised goes to another process and back. Python finds out when it runs:
//! `cannot pickle '_thread.lock' object`, at the task's result.
//!
//! Better here: the compiler finds out. Neither `pool.submit(|socket: TcpStream| (), socket)` compiles
//! ("the trait bound `TcpStream: Portable` is not satisfied") nor a closure that captures something
//! ("expected fn pointer, found closure"). And the two functions below run on every executor: they do
//! not know which one.

use std::collections::BTreeSet;
use std::time::Duration;

use examples::Options;
use manyhands::{Executor, ExecutorExt, ProcessPool, Shutdown, Task, TaskError, sleep};

/// Takes one, two or three times `second`.
fn task((n, second): (u64, Duration)) -> u64 {
    println!("{} is running", std::process::id());
    sleep(second * (1 + (n * 5 % 3) as u32));
    n * n
}

fn submitted(executor: &impl Executor, second: Duration) -> Result<(), TaskError> {
    let tasks: Vec<Task<u64>> = (0..11).map(|n| executor.submit(task, (n, second))).collect();
    executor.shutdown(Shutdown::WAIT);
    println!("+++>");
    for task in tasks {
        println!("{}", task.result()?);
    }
    Ok(())
}

fn mapped(executor: &impl Executor, second: Duration) -> Result<(), TaskError> {
    println!("map:");
    for result in executor.map(task, (1..12).map(|n| (n, second))) {
        println!("{}", result?);
    }
    Ok(())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let second = Options::parse()?.scaled(1.0);
    submitted(&ProcessPool::new(3)?, second)?;

    let pool = ProcessPool::new(3)?;
    mapped(&pool, second)?;
    let workers: Result<BTreeSet<u32>, _> = pool.map(|_| std::process::id(), 0..100).collect();
    let workers = workers?;
    println!("in this process: {}", workers.contains(&std::process::id()));
    println!("100 tasks by at most 3 processes: {}", workers.len() <= 3);

    println!("default size: {}", ProcessPool::builder().build()?.parallelism());
    match ProcessPool::new(0) {
        Ok(pool) => println!("a pool without workers: {pool:?}"),
        Err(error) => println!("ProcessPool::new(0): {error}"),
    }
    Ok(())
}
