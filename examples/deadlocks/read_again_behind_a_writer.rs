//! A reader reads once more while a writer waits for it.

use std::sync::Arc;

use manyhands::Thread;
use manyhands::sync::RwLock;

use super::Exhibit;
use super::cast::{say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "read_again_behind_a_writer",
    program: "a reader takes the read lock again, behind a writer that waits for it",
    std: "hangs, depending on the platform's policy",
    parking_lot: "hangs, deadlock_detection lists both; there is read_recursive for it",
    tokio: "the tasks hang (documented)",
    python: "has no such lock",
    run,
};

fn run() -> anyhow::Result<()> {
    let timetable = Arc::new(RwLock::named("timetable", 7));
    let read = timetable.read();
    let writer = {
        let timetable = Arc::clone(&timetable);
        Thread::builder().name("writer").start(move || {
            *timetable.write() += 1;
            "has written"
        })?
    };
    // Until the writer is in the queue, where later readers wait behind it.
    while timetable.try_read().is_some() {
        manyhands::sleep(std::time::Duration::from_millis(1));
    }
    match timetable.read_checked() {
        Ok(_) => say("main", "reads twice"),
        Err(deadlock) => say("main", deadlock),
    }
    drop(read);
    say_outcome("writer", &writer.join());
    Ok(())
}
