//! A task holds a lock across an await; another one on its only thread blocks that thread for it.
//!
//! A current-thread runtime polls one task at a time, so the sleeping task has no turn before the blocked one
//! goes on. Of a runtime with several workers, or one whose worker may be taken over by another thread, that
//! cannot be proven: there the wait is listed with its place and its holder, and can be cancelled.

use std::sync::Arc;
use std::time::Duration;

use manyhands::AsyncPool;
use manyhands::sync::Mutex;

use super::Exhibit;
use super::cast::{Meeting, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "lock_across_await",
    program: "a lock is held across an await; another task blocks their only thread to get it",
    std: "hangs; clippy warns of the guard held across the await",
    parking_lot: "hangs",
    tokio: "blocking_lock panics inside of a runtime; a lock of std in its place hangs",
    python: "hangs: a threading.Lock held across await",
    run,
};

fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let pool = AsyncPool::on(runtime.handle().clone(), 2)?;
    let cache = Arc::new(Mutex::named("cache", 0));
    let meeting = Arc::new(Meeting::of(2));
    let patient = {
        let (cache, meeting) = (Arc::clone(&cache), Arc::clone(&meeting));
        pool.spawn_async(async move {
            let mut cache = cache.lock_async().await;
            meeting.come_async().await;
            // Back soon, if there is a thread to come back to.
            tokio::time::sleep(Duration::from_millis(20)).await;
            *cache += 1;
            "filled the cache"
        })
    };
    let blocking = {
        let (cache, meeting) = (Arc::clone(&cache), Arc::clone(&meeting));
        pool.spawn_async(async move {
            meeting.come_async().await;
            *cache.lock() += 1; // blocks the thread: `lock_async` is the one for async code
            "used the cache"
        })
    };
    let outcomes = runtime.block_on(async {
        [("the one who holds it", patient.await), ("the one who blocks", blocking.await)]
    });
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    Ok(())
}
