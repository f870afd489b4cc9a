//! Two threads take two locks in opposite order.

use std::sync::Arc;

use manyhands::Thread;
use manyhands::sync::Mutex;

use super::Exhibit;
use super::cast::{Meeting, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "ab_ba",
    program: "two threads take two locks in opposite order",
    std: "hangs",
    parking_lot: "hangs; its feature deadlock_detection lists the threads' backtraces, and leaves them parked",
    tokio: "the tasks hang",
    python: "hangs",
    run,
};

fn run() -> anyhow::Result<()> {
    let checking = Arc::new(Mutex::named("checking", 100));
    let savings = Arc::new(Mutex::named("savings", 100));
    let meeting = Arc::new(Meeting::of(2));

    let mover = |name: &str, from: &Arc<Mutex<i64>>, to: &Arc<Mutex<i64>>| {
        let (from, to, meeting) = (Arc::clone(from), Arc::clone(to), Arc::clone(&meeting));
        Thread::builder().name(name).start(move || {
            let mut from = from.lock();
            meeting.come();
            let mut to = to.lock();
            *from -= 10;
            *to += 10;
            "moved 10"
        })
    };
    let there = mover("there", &checking, &savings)?;
    let back = mover("back", &savings, &checking)?;
    let outcomes = [("there", there.join()), ("back", back.join())];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    println!("    the money: {}", *checking.lock() + *savings.lock());
    Ok(())
}
