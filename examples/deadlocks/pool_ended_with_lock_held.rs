//! A pool is ended by whoever holds the lock that one of its tasks wants.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use manyhands::sync::Mutex;
use manyhands::{CoroutinePool, Deadlock, Executor, Shutdown};

use super::Exhibit;
use super::cast::{Meeting, say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "pool_ended_with_lock_held",
    program: "a pool of coroutines is ended by who holds the lock that one of its tasks wants",
    std: "hangs at the end of thread::scope",
    parking_lot: "hangs, unseen by deadlock_detection",
    tokio: "hangs when the runtime is dropped, with a task of spawn_blocking",
    python: "hangs in ThreadPoolExecutor.shutdown()",
    run,
};

fn run() -> anyhow::Result<()> {
    let pool = CoroutinePool::builder().hubs(1).name_prefix("kitchen").build()?;
    let till = Arc::new(Mutex::named("till", 12));
    let meeting = Arc::new(Meeting::of(2));
    let held = till.lock();
    let task = {
        let (till, meeting) = (Arc::clone(&till), Arc::clone(&meeting));
        pool.spawn(move || {
            meeting.come();
            match till.lock_checked() {
                Ok(till) => format!("counted {}", *till),
                Err(deadlock) => deadlock.to_string(),
            }
        })
    };
    meeting.come();
    // Whoever of the two blocks last is told.
    let ended = catch_unwind(AssertUnwindSafe(|| pool.shutdown(Shutdown::WAIT)));
    if let Some(deadlock) = ended.err().and_then(|payload| payload.downcast::<Deadlock>().ok()) {
        say("main", deadlock);
    }
    drop(held);
    say_outcome("the task", &task.result());
    Ok(())
}
