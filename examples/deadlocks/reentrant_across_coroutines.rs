//! A re-entrant lock belongs to a coroutine, not to the thread that runs many.

use std::rc::Rc;

use manyhands::sync::ReentrantMutex;
use manyhands::{sleep, spawn_local};

use super::Exhibit;
use super::cast::{say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "reentrant_across_coroutines",
    program: "a coroutine holds a re-entrant lock and waits for another one of its thread that wants it",
    std: "lets both in: its re-entrant lock (not stable yet) knows threads only",
    parking_lot: "lets both in: ReentrantMutex knows threads only",
    tokio: "has no re-entrant lock",
    python: "hangs under gevent, where RLock knows greenlets; lets both in if it is not patched",
    run,
};

fn run() -> anyhow::Result<()> {
    let ledger = Rc::new(ReentrantMutex::named("ledger", ()));
    let outer = {
        let ledger = Rc::clone(&ledger);
        spawn_local(move || {
            let held = ledger.lock();
            let again = ledger.lock();
            let inner = {
                let ledger = Rc::clone(&ledger);
                spawn_local(move || {
                    let _ledger = ledger.lock();
                    "had the ledger"
                })
            };
            // It gets as far as to the lock.
            sleep(std::time::Duration::from_millis(5));
            let first = inner
                .wait_checked()
                .err()
                .map_or_else(String::new, |deadlock| deadlock.to_string());
            drop((again, held));
            (first, inner.result())
        })
    };
    let (first, inner) = outer.result()?;
    say("the one who waits for the other", first);
    say_outcome("the other, afterwards", &inner);
    Ok(())
}
