//! No failure is lost: a panic reaches exactly the task that it hit, with its message and place; a
//! failure that nobody reads is reported on standard error; and what may be tried again is, if it
//! is asked for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use examples::Options;
use manyhands::{ExecutorExt, RetryPolicy, TaskOptions, ThreadPool};

static ATTEMPTS: AtomicU32 = AtomicU32::new(0);

fn third_time_lucky() -> u32 {
    let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed) + 1;
    assert!(attempt >= 3, "attempt {attempt} fails");
    attempt
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let pool = ThreadPool::new(2)?;

    let outcomes = pool.map(|n: u32| 12 / n, [3, 0, 4]);
    for outcome in outcomes {
        match outcome {
            Ok(value) => println!("{value}"),
            Err(error) => println!("{:?}: {}", error.kind(), error.message()),
        }
    }

    let policy = RetryPolicy::new(5).base(options.scaled(0.01)).jitter(0.0);
    let task = pool.with(TaskOptions::new()).retries(policy).spawn(third_time_lucky);
    println!("it took {} attempts", task.result()?);

    let limit = TaskOptions::new().name("nobody asks").time_limit(Duration::ZERO);
    drop(pool.with(limit).spawn(|| manyhands::sleep(Duration::from_secs(3600))));
    Ok(())
}
