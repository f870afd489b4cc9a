//! `map` takes its inputs as results are read: an endless list works, in bounded memory, and what is
//! left is cancelled when the results are no longer wanted.

use std::cell::Cell;

use examples::Options;
use manyhands::{ExecutorExt, MapOptions, TaskError, ThreadPool};

/// The number of steps until 1 is reached by halving even numbers and by 3n + 1 for odd ones.
fn steps(mut n: u64) -> u64 {
    let mut steps = 0;
    while n != 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    let pool = ThreadPool::new(2)?;
    let taken = Cell::new(0);
    let endless = (1..).inspect(|_| taken.set(taken.get() + 1));

    let window = 1000;
    let mut results = pool.map_with(MapOptions::new().window(window), steps, endless);
    let mut ahead_most = 0;
    let mut longest = (0, 0);
    for n in 1..=100_000_u64 {
        let steps: Result<u64, TaskError> = results.next().unwrap_or(Ok(0));
        longest = longest.max((steps?, n));
        ahead_most = ahead_most.max(taken.get() - n);
    }
    drop(results);
    println!("the longest way of the first 100000 is that of {}: {} steps", longest.1, longest.0);
    println!("never more than {window} inputs ahead: {}", ahead_most <= window as u64);
    Ok(())
}
