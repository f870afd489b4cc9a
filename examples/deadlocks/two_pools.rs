//! Two pools of one thread wait for each other.

use std::sync::Arc;

use manyhands::ThreadPool;

use super::Exhibit;
use super::cast::say_outcome;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "two_pools",
    program: "a task in pool A waits for one in pool B, which waits for one queued in A",
    std: "has no pool",
    parking_lot: "has no pool",
    tokio: "two runtimes of one blocking thread each: hangs",
    python: "hangs",
    run,
};

fn run() -> anyhow::Result<()> {
    let a = Arc::new(ThreadPool::builder().workers(1).name_prefix("A").build()?);
    let b = Arc::new(ThreadPool::builder().workers(1).name_prefix("B").build()?);
    let (to_a, to_b) = (Arc::clone(&a), Arc::clone(&b));
    let task = a.spawn(move || {
        let in_b = to_b.spawn(move || to_a.spawn(|| 21).result().unwrap_or(0) * 2);
        in_b.result().unwrap_or(0)
    });
    say_outcome("the task in A, after A has grown by a thread", &task.result());
    Ok(())
}
