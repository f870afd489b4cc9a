//! A parent waits for a task behind another one, which wants the parent's lock.

use manyhands::processes::ManagedLock;
use manyhands::{ExecutorExt, Manager, ProcessPool};

use super::Exhibit;
use super::cast::{say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "behind_a_worker",
    program: "a parent waits for a task that no worker begins, because the only one wants the parent's lock",
    std: "has no locks between processes",
    parking_lot: "has no locks between processes",
    tokio: "has no locks between processes",
    python: "hangs: ProcessPoolExecutor(1) and multiprocessing.Manager().Lock()",
    run,
};

/// Runs in the worker.
fn take(lock: ManagedLock) -> String {
    match lock.lock() {
        Ok(_) => "had the lock".to_owned(),
        Err(error) => format!("was told: {error}"),
    }
}

fn double(n: u64) -> u64 {
    n * 2
}

fn run() -> anyhow::Result<()> {
    let manager = Manager::new();
    let lock = manager.lock_named("press");
    let pool = ProcessPool::new(1)?;
    let held = lock.lock()?;
    let first = pool.submit(take, lock.clone());
    let second = pool.submit(double, 21);
    // Either the worker or this thread blocks last; that one is told.
    if let Err(deadlock) = second.wait_checked() {
        say("main", deadlock);
    }
    drop(held);
    say_outcome("the first task", &first.result());
    say_outcome("the second task", &second.result());
    Ok(())
}
