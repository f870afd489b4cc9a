//! Nothing hangs silently.
//!
//! A task that submits to its own pool and waits for the result starves a pool of one thread
//! everywhere else; here the worker that waits runs what it waits for. And at any moment `dump`
//! lists who waits for what, where in the source, and since when. (That a wait can be proven never
//! to end comes with the locks.)

use std::sync::Arc;
use std::time::Duration;

use examples::Options;
use manyhands::{Reason, Thread, ThreadPool, dump, sleep, wait_for};

static LETTER: Reason = Reason::new("a letter");

/// Waits for a pool from inside that pool, as deep as `n`.
fn factorial(pool: &Arc<ThreadPool>, n: u64) -> u64 {
    if n < 2 {
        return 1;
    }
    let inner = Arc::clone(pool);
    let task = pool.spawn(move || factorial(&inner, n - 1));
    n * task.result().unwrap_or(0)
}

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(0.3);
    let pool = Arc::new(ThreadPool::new(1)?);
    let worker = Arc::clone(&pool);
    let nested = pool.spawn(move || factorial(&worker, 10)).result()?;
    println!("10! = {nested}, by a pool of one thread that waits for itself");

    let sleeping = pool.spawn(|| sleep(Duration::from_secs(3600)));
    let waiter = Thread::builder().name("letterbox").start(|| {
        let _never = wait_for(&LETTER, None, std::future::pending::<()>());
    })?;
    // Wait until both are seen to wait.
    while dump().contexts.iter().filter(|context| context.wait.is_some()).count() < 2 {
        sleep(pause / 100);
    }
    sleep(pause);
    print!("{}", dump());

    // Both would wait for ever, and both can be told to stop.
    sleeping.cancel();
    waiter.cancel();
    println!("the sleeper: {}", describe(sleeping.result()));
    println!("the letterbox: {}", describe(waiter.join()));
    Ok(())
}

fn describe(outcome: manyhands::Outcome<()>) -> String {
    outcome.map_or_else(|error| error.to_string(), |()| "ended by itself".to_owned())
}
