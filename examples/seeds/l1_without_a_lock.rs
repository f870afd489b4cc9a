//! L1: a hundred threads count down without a lock.
//!
//! Follows the program in which each of a hundred threads reads `n`, sleeps, and writes `n - 1`: all
//! read the same 100, and 99 is left, after the time of one sleep.
//!
//! Rust does not compile a data race, and an atomic's own `fetch_sub` would lose nothing. What is
//! left to get wrong is the same as in Python, where the interpreter's lock does not help either: to
//! read, to wait, and to write what has become stale.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use examples::Options;
use manyhands::{Context, Thread, sleep};

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(0.5);
    let n = Arc::new(AtomicI64::new(100));
    let start = Instant::now();
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let n = Arc::clone(&n);
            Thread::spawn(move || {
                println!("{} is running", Context::current().name());
                let read = n.load(Ordering::Relaxed);
                sleep(pause);
                n.store(read - 1, Ordering::Relaxed);
            })
        })
        .collect();
    threads.into_iter().try_for_each(Thread::join)?;
    println!("主:{:.3} n:{}", start.elapsed().as_secs_f64(), n.load(Ordering::Relaxed));
    Ok(())
}
