//! Somebody waits to be notified, and nobody is left who would.

use std::sync::Arc;

use manyhands::Thread;
use manyhands::sync::{Condvar, Mutex};

use super::Exhibit;
use super::cast::{Suspicions, say};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "condvar_without_notifier",
    program: "a thread waits on a condition variable that nobody notifies",
    std: "hangs",
    parking_lot: "hangs",
    tokio: "the task hangs (Notify)",
    python: "hangs",
    run,
};

fn run() -> anyhow::Result<()> {
    let door = Arc::new((Mutex::named("door", false), Condvar::named("door opens")));
    let guest = {
        let door = Arc::clone(&door);
        Thread::builder().name("guest").start(move || {
            let (open, opens) = &*door;
            let mut open = open.lock();
            while !*open {
                open = opens.wait(open);
            }
        })?
    };
    let told = guest.handle();
    let _suspicions = Suspicions::cured_by(move || {
        told.cancel();
    })?;
    let outcome = guest.join();
    say("guest, who was told to go", outcome.expect_err("nobody opens"));
    Ok(())
}
