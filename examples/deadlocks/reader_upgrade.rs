//! Who reads wants to write, without letting go first.

use manyhands::sync::RwLock;

use super::Exhibit;
use super::cast::say;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "reader_upgrade",
    program: "a thread that holds a read lock asks for the write lock",
    std: "hangs (or panics: its documentation leaves it open)",
    parking_lot: "hangs; deadlock_detection lists it",
    tokio: "the task hangs",
    python: "has no such lock",
    run,
};

fn run() -> anyhow::Result<()> {
    let timetable = RwLock::named("timetable", 7);
    let read = timetable.read();
    match timetable.write_checked() {
        Ok(_) => say("main", "writes what it reads"),
        Err(deadlock) => say("main", deadlock),
    }
    drop(read);
    *timetable.write() += 1;
    say("after letting go", *timetable.read());
    Ok(())
}
