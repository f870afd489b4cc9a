//! A coroutine waits for blocking code on another thread, which wants a lock that the coroutine holds.

use std::sync::Arc;

use manyhands::coroutines::block;
use manyhands::spawn_local;
use manyhands::sync::Mutex;

use super::Exhibit;
use super::cast::say_outcome;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "blocking_code",
    program: "a coroutine with a lock in hand waits for code on a thread for blocking code, which wants it",
    std: "hangs, where the thread is joined",
    parking_lot: "hangs, unseen by deadlock_detection: a join is no lock",
    tokio: "the task hangs: spawn_blocking(..).await",
    python: "hangs: await asyncio.to_thread(lock.acquire)",
    run,
};

fn run() -> anyhow::Result<()> {
    let register = Arc::new(Mutex::named("register", 0));
    let clerk = spawn_local(move || {
        let held = register.lock();
        let wanted = Arc::clone(&register);
        // The other thread is who closes the circle, or else this coroutine.
        let code = block(move || match wanted.lock_checked() {
            Ok(_) => "had the lock".to_owned(),
            Err(deadlock) => deadlock.to_string(),
        });
        drop(held);
        code
    });
    say_outcome("the coroutine", &clerk.result());
    Ok(())
}
