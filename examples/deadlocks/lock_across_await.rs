//! A task holds a lock across an await; another one on its only thread blocks that thread for it.
//!
//! That the sleeping task needs the blocked thread is known to the runtime alone, so this is no proven
//! deadlock. But every wait is listed with its place and its holder, and can be cancelled.

use std::sync::Arc;
use std::time::Duration;

use manyhands::sync::Mutex;
use manyhands::{AsyncPool, dump, sleep};

use super::Exhibit;
use super::cast::{Meeting, say, say_outcome};

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
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    let pool = AsyncPool::on(runtime.handle().clone(), 2)?;
    let cache = Arc::new(Mutex::named("cache", 0));
    let meeting = Arc::new(Meeting::of(2));
    let patient = {
        let (cache, meeting) = (Arc::clone(&cache), Arc::clone(&meeting));
        pool.spawn_async(async move {
            let mut cache = cache.lock_async().await;
            meeting.come_async().await;
            // Back soon, if there is a thread to come back to.
            pause(Duration::from_millis(20)).await;
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
    // Until somebody waits for the lock; a program would look when SIGQUIT asks it to.
    let listed = loop {
        let all = dump().to_string();
        match all.lines().find(|line| line.contains("mutex 'cache'")) {
            Some(line) => break line.trim().to_owned(),
            None => sleep(Duration::from_millis(1)),
        }
    };
    say("listed", listed);
    blocking.cancel();
    let outcomes =
        [("the one who holds it", patient.result()), ("the one who blocks", blocking.result())];
    outcomes.iter().for_each(|(who, outcome)| {
        say_outcome(who, outcome);
    });
    Ok(())
}

/// tokio's sleep: the pool is one of its runtimes.
async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}
