//! An async task and a thread take two locks in opposite order.

use std::sync::Arc;

use manyhands::sync::Mutex;
use manyhands::{AsyncPool, Thread};

use super::Exhibit;
use super::cast::{Meeting, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "async_against_thread",
    program: "an async task and a thread take two locks in opposite order",
    std: "its guards must not be held across an await",
    parking_lot: "likewise",
    tokio: "a task and a thread in blocking_lock hang",
    python: "asyncio's locks and threading's do not know each other",
    run,
};

fn run() -> anyhow::Result<()> {
    let ink = Arc::new(Mutex::named("ink", ()));
    let paper = Arc::new(Mutex::named("paper", ()));
    let meeting = Arc::new(Meeting::of(2));
    let pool = AsyncPool::new(1)?;
    let task = {
        let (ink, paper, meeting) = (Arc::clone(&ink), Arc::clone(&paper), Arc::clone(&meeting));
        pool.spawn_async(async move {
            let _ink = ink.lock_async().await;
            meeting.come_async().await;
            let _paper = paper.lock_async().await;
            "had both"
        })
    };
    let thread = {
        let (ink, paper, meeting) = (Arc::clone(&ink), Arc::clone(&paper), Arc::clone(&meeting));
        Thread::builder().name("a thread").start(move || {
            let _paper = paper.lock();
            meeting.come();
            let _ink = ink.lock();
            "had both"
        })?
    };
    let outcomes = [("async task", task.result()), ("thread", thread.join())];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    Ok(())
}
