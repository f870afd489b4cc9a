//! E1: a pool of threads: `submit`, `map` in order, `shutdown`, default size, names.
//!
//! Follows the programs around `ThreadPoolExecutor(max_workers=3)`: eleven tasks that take one to
//! three seconds and return squares, read in the order of submission after `shutdown(True)`; then
//! the same with `map`, whose results are never read there.
//!
//! Better here: `map` takes inputs as results are read, so that it does not queue all of them at
//! once; a result that nobody reads cannot hide an error; and the same function runs on every other
//! executor.

use std::time::Duration;

use examples::Options;
use manyhands::{Context, Executor, ExecutorExt, Shutdown, Task, ThreadPool, sleep};

/// Takes one, two or three times `second`.
fn square((n, second): (u64, Duration)) -> u64 {
    println!("{} is running", std::process::id());
    sleep(second * (1 + (n * 5 % 3) as u32));
    n * n
}

pub(crate) fn main() -> anyhow::Result<()> {
    let second = Options::parse()?.scaled(1.0);

    let pool = ThreadPool::new(3)?;
    let tasks: Vec<Task<u64>> = (0..11).map(|n| pool.submit(square, (n, second))).collect();
    pool.shutdown(Shutdown::WAIT);
    println!("+++>");
    for task in tasks {
        println!("{}", task.result()?);
    }

    println!("map:");
    let pool = ThreadPool::builder().workers(3).name_prefix("squares").build()?;
    for result in ExecutorExt::map(&pool, square, (1..12).map(|n| (n, second))) {
        println!("{}", result?);
    }

    let name = pool.spawn(|| Context::current().name()).result()?;
    println!("a worker is named {name}");
    println!("default size: {}", ThreadPool::builder().build()?.parallelism());
    Ok(())
}
