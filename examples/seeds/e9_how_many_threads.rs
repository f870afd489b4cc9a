//! E9: more threads are not always better.
//!
//! Follows the remark under the download with five threads: starting, keeping and ending threads has
//! a cost, so that there is a best number. Measured here for work that waits and for work that
//! computes. `manyhands compare --sweep` draws the same curve for your own URLs.
//!
//! Better here: a thread that is not needed is not started, so that too large a pool costs less; and
//! computing threads do use all cores, up to their number.

use std::time::{Duration, Instant};

use examples::Options;
use manyhands::{ExecutorExt, ThreadPool, sleep};

const TASKS: usize = 64;

fn fetch(pause: Duration) {
    sleep(pause);
}

fn compute(rounds: u64) {
    let mix = |state: u64, round: u64| (state ^ round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::hint::black_box((0..rounds).fold(1, mix));
}

/// How long a pool of so many threads takes for all tasks, its start and its end included.
fn timed<A>(threads: usize, f: fn(A), input: A) -> anyhow::Result<Duration>
where
    A: manyhands::Portable + Clone,
{
    let start = Instant::now();
    let pool = ThreadPool::new(threads)?;
    pool.for_each(f, vec![input; TASKS])?;
    drop(pool);
    Ok(start.elapsed())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let (pause, rounds) = (options.scaled(0.05), (1e6 * options.scale()) as u64);
    let mut waiting = Vec::new();
    let mut computing = Vec::new();
    println!("threads   waiting   computing");
    for threads in [1, 2, 4, 8, 16, 32, 64, 128] {
        waiting.push((timed(threads, fetch, pause)?, threads));
        computing.push((timed(threads, compute, rounds)?, threads));
        let [(waiting, _), (computing, _)] = [&waiting, &computing].map(|all| all[all.len() - 1]);
        println!("{threads:7}{:8.3} s{:10.3} s", waiting.as_secs_f64(), computing.as_secs_f64());
    }
    println!("best for waiting: {} threads", best(&waiting));
    println!("best for computing: {} threads", best(&computing));
    Ok(())
}

/// The fewest threads that come within a tenth of the shortest time.
fn best(all: &[(Duration, usize)]) -> usize {
    let shortest = all.iter().map(|(took, _)| *took).min().unwrap_or_default();
    let good = all.iter().filter(|(took, _)| *took <= shortest.mul_f64(1.1));
    good.map(|(_, threads)| *threads).min().unwrap_or_default()
}
