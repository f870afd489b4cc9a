//! A task waits for a task that is queued behind it.

use std::sync::Arc;

use manyhands::ThreadPool;

use super::Exhibit;
use super::cast::say_outcome;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "nested_submit",
    program: "a task in a pool of one thread submits another one there and waits for it",
    std: "has no pool",
    parking_lot: "has no pool",
    tokio: "block_on inside of a task panics; spawn_blocking with one thread hangs",
    python: "hangs",
    run,
};

fn run() -> anyhow::Result<()> {
    let pool = Arc::new(ThreadPool::new(1)?);
    let inner = Arc::clone(&pool);
    let task = pool.spawn(move || {
        let inner = inner.spawn(|| "the inner one was run by who waits for it").result();
        inner.unwrap_or("lost")
    });
    say_outcome("the outer task", &task.result());
    Ok(())
}
