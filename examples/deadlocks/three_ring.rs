//! Three pools of one thread in a ring.

use std::sync::Arc;

use manyhands::ThreadPool;

use super::Exhibit;
use super::cast::say_outcome;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "three_ring",
    program: "three pools of one thread, each task waits for one in the next pool, twice around",
    std: "has no pool",
    parking_lot: "has no pool",
    tokio: "three runtimes of one blocking thread each: hangs",
    python: "hangs",
    run,
};

/// Goes around the ring `steps` times and returns how many pools it came through.
fn around(ring: Arc<Vec<ThreadPool>>, at: usize, steps: usize) -> usize {
    if steps == 0 {
        return 0;
    }
    let next = Arc::clone(&ring);
    let task = ring[at % ring.len()].spawn(move || 1 + around(next, at + 1, steps - 1));
    task.result().unwrap_or(0)
}

fn run() -> anyhow::Result<()> {
    let ring = (0..3).map(|_| ThreadPool::new(1)).collect::<Result<Vec<_>, _>>()?;
    let ring = Arc::new(ring);
    say_outcome("through so many pools", &Ok(around(ring, 0, 6)));
    Ok(())
}
