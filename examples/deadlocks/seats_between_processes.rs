//! Two worker processes have a seat each, and want the other's as well.

use manyhands::processes::{ManagedBarrier, ManagedSemaphore, ManagerError};
use manyhands::{ExecutorExt, Manager, ProcessPool};

use super::Exhibit;
use super::cast::{say, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "seats_between_processes",
    program: "two worker processes share a semaphore of two permits, have one each and want another",
    std: "has no semaphore",
    parking_lot: "has no semaphore",
    tokio: "has no semaphores between processes",
    python: "hangs: multiprocessing.Manager().Semaphore(2)",
    run,
};

/// Runs in the workers.
fn sit((seats, both_sit): (ManagedSemaphore, ManagedBarrier)) -> Result<(), ManagerError> {
    let _first = seats.acquire()?;
    both_sit.wait()?;
    seats.acquire().map(drop)
}

fn run() -> anyhow::Result<()> {
    let manager = Manager::new();
    let (seats, both_sit) = (manager.semaphore_named("seats", 2), manager.barrier(2));
    let pool = ProcessPool::new(2)?;
    let guests: Vec<_> =
        (0..2).map(|_| pool.submit(sit, (seats.clone(), both_sit.clone()))).collect();
    let mut victims = Vec::new();
    for guest in guests {
        let seated = guest.result()?;
        match &seated {
            Ok(()) => say("a guest", "had two seats"),
            Err(error) => say("a guest", error),
        }
        victims.push(seated.is_err());
    }
    say_victims(victims);
    Ok(())
}
