//! Cancellation and deadlines reach code that runs.
//!
//! A deadline is put around a stretch of code and holds for every wait in it, however deep; a task
//! that is cancelled unwinds at its next wait, so that destructors run; code that only computes asks
//! now and then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use examples::Options;
use manyhands::{ExecutorExt, TaskOptions, ThreadPool, check_cancelled, sleep, timeout};

static ROUNDS: AtomicU64 = AtomicU64::new(0);

/// Knows nothing of deadlines.
fn library_code() {
    sleep(Duration::from_secs(3600));
}

fn compute_for_ever() {
    loop {
        ROUNDS.fetch_add(1, Ordering::Relaxed);
        check_cancelled();
    }
}

struct Lamp;

impl Drop for Lamp {
    fn drop(&mut self) {
        println!("the lamp is out");
    }
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let limit = options.scaled(0.2);

    println!("around a stretch of code: {:?}", timeout(limit, library_code));

    let pool = ThreadPool::new(2)?;
    let task = pool.with(TaskOptions::new().name("report").time_limit(limit)).spawn(library_code);
    println!("around a task: {:?}", task.result().map_err(|error| error.to_string()));

    let waiting = pool.spawn(|| {
        let _lamp = Lamp;
        library_code();
    });
    let computing = pool.spawn(compute_for_ever);
    // Both run before they are cancelled: a queued task would just never start.
    while !waiting.is_running() || ROUNDS.load(Ordering::Relaxed) == 0 {
        sleep(Duration::from_millis(1));
    }
    for task in [waiting, computing] {
        let asked = task.cancel();
        let outcome = task.result().map_err(|error| error.kind());
        println!("cancel: {asked:?}, and then: {outcome:?}");
    }
    Ok(())
}
