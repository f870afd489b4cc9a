//! Two threads wait for each other's end.

use std::sync::{Arc, OnceLock};

use manyhands::{TaskHandle, Thread};

use super::Exhibit;
use super::cast::{Meeting, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "join_cycle",
    program: "two threads join each other",
    std: "hangs (a thread that joins itself fails on Linux: EDEADLK)",
    parking_lot: "has no join; std's hangs",
    tokio: "the tasks hang",
    python: "hangs (joining oneself raises RuntimeError)",
    run,
};

fn run() -> anyhow::Result<()> {
    let handles: Arc<[OnceLock<TaskHandle>; 2]> = Arc::default();
    let meeting = Arc::new(Meeting::of(3));
    let thread = |own: usize, name: &str| {
        let (handles, meeting) = (Arc::clone(&handles), Arc::clone(&meeting));
        Thread::builder().name(name).start(move || {
            meeting.come();
            if let Some(other) = handles[1 - own].get() {
                other.wait();
            }
            "saw the other end"
        })
    };
    let threads = [thread(0, "castor")?, thread(1, "pollux")?];
    for (place, thread) in handles.iter().zip(&threads) {
        let _first = place.set(thread.handle());
    }
    meeting.come();
    let [castor, pollux] = threads;
    let outcomes = [("castor", castor.join()), ("pollux", pollux.join())];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    Ok(())
}
