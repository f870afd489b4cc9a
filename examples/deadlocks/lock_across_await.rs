//! A task holds a lock across an await; another one on its only thread blocks that thread for it.

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
    tokio: "its lock hangs in blocking_lock, or panics where it sees the runtime",
    python: "hangs: a threading.Lock held across await",
    run,
};

fn run() -> anyhow::Result<()> {
    let pool = AsyncPool::new(1)?;
    let cache = Arc::new(Mutex::named("cache", 0));
    let meeting = Arc::new(Meeting::of(2));
    let patient = {
        let (cache, meeting) = (Arc::clone(&cache), Arc::clone(&meeting));
        pool.spawn_async(async move {
            let mut cache = cache.lock_async().await;
            meeting.come_async().await;
            // Back soon, if there is a thread to come back to.
            manyhands_sleep(Duration::from_millis(20)).await;
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
    let outcomes =
        [("the one who holds it", patient.result()), ("the one who blocks", blocking.result())];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    Ok(())
}

/// tokio's sleep: the pool is one of its runtimes.
async fn manyhands_sleep(length: Duration) {
    tokio::time::sleep(length).await;
}
