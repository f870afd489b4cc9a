//! Two places, two who have one each and want a second.

use std::sync::Arc;

use manyhands::Thread;
use manyhands::sync::Semaphore;

use super::Exhibit;
use super::cast::{Meeting, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "semaphore_of_two",
    program: "a semaphore of two permits, two threads that have one each and want another",
    std: "has no semaphore",
    parking_lot: "has no semaphore",
    tokio: "the tasks hang",
    python: "hangs",
    run,
};

fn run() -> anyhow::Result<()> {
    let tracks = Arc::new(Semaphore::named("tracks", 2));
    let meeting = Arc::new(Meeting::of(2));
    let train = |name: &str| {
        let (tracks, meeting) = (Arc::clone(&tracks), Arc::clone(&meeting));
        Thread::builder().name(name).start(move || {
            let _one = tracks.acquire();
            meeting.come();
            let _two = tracks.acquire();
            "had both tracks"
        })
    };
    let (freight, express) = (train("freight")?, train("express")?);
    let outcomes = [("freight", freight.join()), ("express", express.join())];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    Ok(())
}
