//! A coroutine and a thread take two locks in opposite order.

use std::sync::Arc;

use manyhands::sync::Mutex;
use manyhands::{CoroutinePool, Thread};

use super::Exhibit;
use super::cast::{Meeting, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "coroutine_against_thread",
    program: "a coroutine and a thread take two locks in opposite order",
    std: "has no coroutines; a lock of its would stop all coroutines of a thread",
    parking_lot: "as with std",
    tokio: "a task and a thread in blocking_lock hang",
    python: "hangs: a gevent greenlet and a native thread",
    run,
};

fn run() -> anyhow::Result<()> {
    let ink = Arc::new(Mutex::named("ink", ()));
    let paper = Arc::new(Mutex::named("paper", ()));
    let meeting = Arc::new(Meeting::of(2));
    let take = |first: &Arc<Mutex<()>>, second: &Arc<Mutex<()>>| {
        let (first, second) = (Arc::clone(first), Arc::clone(second));
        let meeting = Arc::clone(&meeting);
        move || {
            let _first = first.lock();
            meeting.come();
            let _second = second.lock();
            "had both"
        }
    };
    let pool = CoroutinePool::new(1)?;
    let coroutine = pool.spawn(take(&ink, &paper));
    let thread = Thread::builder().name("a thread").start(take(&paper, &ink))?;
    let outcomes = [("coroutine", coroutine.result()), ("thread", thread.join())];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    Ok(())
}
