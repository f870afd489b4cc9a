//! L3: to join each thread at once instead of taking a lock.
//!
//! Follows the program that starts a thread and joins it before it starts the next: right as well,
//! and slower still, because what could be done side by side is done in turns. It prints how much
//! slower it is than the same work with a lock around the shared part: seven times in the original,
//! 350 s against 53.
//!
//! Here the pauses are a hundredth of the original's, and there are twenty threads, unless `--scale`
//! makes the pauses longer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use examples::Options;
use manyhands::sync::Mutex;
use manyhands::{Thread, sleep};

const THREADS: i64 = 20;

fn task(n: &Mutex<i64>, aside: Duration, shared: Duration) {
    sleep(aside);
    let mut n = n.lock();
    let read = *n;
    sleep(shared);
    *n = read - 1;
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let (aside, shared) = (options.scaled(0.03), options.scaled(0.005));

    let n = Arc::new(Mutex::new(THREADS));
    let start = Instant::now();
    let start_thread = || {
        let n = Arc::clone(&n);
        Thread::spawn(move || task(&n, aside, shared))
    };
    let threads: Vec<_> = (0..THREADS).map(|_| start_thread()).collect();
    threads.into_iter().try_for_each(Thread::join)?;
    let with_a_lock = start.elapsed();
    println!("with a lock: n:{}", *n.lock());

    *n.lock() = THREADS;
    let start = Instant::now();
    for _ in 0..THREADS {
        start_thread().join()?;
    }
    let one_by_one = start.elapsed();
    println!("主:{:.3} n:{}", one_by_one.as_secs_f64(), *n.lock());
    println!("joined at once: {:.1} times as long", one_by_one.div_duration_f64(with_a_lock));
    Ok(())
}
