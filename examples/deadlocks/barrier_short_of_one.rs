//! Three of four have come to a barrier, and the fourth does not exist.

use std::sync::Arc;

use manyhands::Thread;
use manyhands::sync::Barrier;

use super::Exhibit;
use super::cast::{Suspicions, say};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "barrier_short_of_one",
    program: "three threads wait at a barrier for four",
    std: "hangs",
    parking_lot: "has no barrier",
    tokio: "the tasks hang",
    python: "hangs; a timeout or abort() breaks the barrier",
    run,
};

fn run() -> anyhow::Result<()> {
    let start = Arc::new(Barrier::named("start", 4));
    let runner = |number: usize| {
        let start = Arc::clone(&start);
        Thread::builder()
            .name(format!("runner {number}"))
            .start(move || start.wait().map(|_| ()).map_err(|error| error.to_string()))
    };
    let runners = (1..=3).map(runner).collect::<Result<Vec<_>, _>>()?;
    let broken = Arc::clone(&start);
    let _suspicions = Suspicions::cured_by(move || broken.abort())?;
    for runner in runners {
        if let Err(error) = runner.join()? {
            say("a runner", error);
        }
    }
    Ok(())
}
