//! A worker process wants a lock of its parent's, which waits for the worker.

use manyhands::processes::ManagedLock;
use manyhands::{ExecutorExt, Manager, ProcessPool};

use super::Exhibit;
use super::cast::{say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "process_against_parent",
    program: "a worker process wants a lock that its parent holds, which waits for the worker",
    std: "has no locks between processes",
    parking_lot: "has no locks between processes",
    tokio: "has no locks between processes",
    python: "hangs: multiprocessing.Manager().Lock()",
    run,
};

/// Runs in the worker.
fn take(lock: ManagedLock) -> String {
    match lock.lock() {
        Ok(_) => "the worker had the lock".to_owned(),
        Err(error) => format!("the worker was told: {error}"),
    }
}

fn run() -> anyhow::Result<()> {
    let manager = Manager::new();
    let lock = manager.lock_named("press");
    let pool = ProcessPool::new(1)?;
    let held = lock.lock()?;
    let task = pool.submit(take, lock.clone());
    // Either the worker or this thread blocks last; that one is told.
    if let Err(deadlock) = task.wait_checked() {
        say("main", deadlock);
    }
    drop(held);
    say_outcome("the task", &task.result());
    Ok(())
}
