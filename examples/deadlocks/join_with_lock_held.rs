//! Who waits for a thread holds the lock that the thread wants.

use std::sync::Arc;

use manyhands::Thread;
use manyhands::sync::Mutex;

use super::Exhibit;
use super::cast::{Meeting, say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "join_with_lock_held",
    program: "a thread is joined by who holds the lock that it wants",
    std: "hangs",
    parking_lot: "hangs, unseen by deadlock_detection: a join is no lock",
    tokio: "the tasks hang",
    python: "hangs",
    run,
};

fn run() -> anyhow::Result<()> {
    let log = Arc::new(Mutex::named("log", Vec::new()));
    let meeting = Arc::new(Meeting::of(2));
    let mut held = log.lock();
    let writer = {
        let (log, meeting) = (Arc::clone(&log), Arc::clone(&meeting));
        Thread::builder().name("writer").start(move || {
            meeting.come();
            log.lock().push("the writer's line");
            "has written"
        })?
    };
    meeting.come();
    // Whoever of the two blocks last is told.
    if let Err(deadlock) = writer.wait_checked() {
        say("main", deadlock);
    }
    held.push("the line of who waits");
    drop(held);
    say_outcome("writer", &writer.join());
    println!("    lines: {}", log.lock().len());
    Ok(())
}
