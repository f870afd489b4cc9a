//! A lock is taken again by who holds it.

use manyhands::sync::{Mutex, ReentrantMutex};

use super::Exhibit;
use super::cast::say;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "self_lock",
    program: "a thread takes a lock that it holds",
    std: "hangs (its documentation leaves open whether it panics)",
    parking_lot: "hangs; with its feature deadlock_detection a thread of one's own can ask and is given backtraces",
    tokio: "the task hangs",
    python: "hangs; threading.RLock is meant for it",
    run,
};

fn run() -> anyhow::Result<()> {
    let account = Mutex::named("account", 123);
    let balance = account.lock();
    match account.lock_checked() {
        Ok(_) => say("main", "has it twice"),
        Err(deadlock) => say("main", deadlock),
    }
    drop(balance);

    let account = ReentrantMutex::named("account", 123);
    let balance = account.lock();
    say("with a re-entrant lock", *account.lock());
    drop(balance);
    Ok(())
}
