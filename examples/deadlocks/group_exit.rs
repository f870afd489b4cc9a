//! A scope cannot end before its task, which wants what the scope's owner holds.

use manyhands::sync::Mutex;
use manyhands::{Context, ThreadPool, scope};

use super::Exhibit;
use super::cast::{Meeting, say};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "group_exit",
    program: "a scope waits for its task, which wants a lock that the scope's owner holds",
    std: "hangs at the end of thread::scope",
    parking_lot: "hangs, unseen by deadlock_detection",
    tokio: "hangs when the JoinSet is awaited",
    python: "hangs at the end of the with block",
    run,
};

fn run() -> anyhow::Result<()> {
    let pool = ThreadPool::new(2)?;
    let shelf = Mutex::named("shelf", 0);
    let meeting = Meeting::of(2);
    let held = shelf.lock();
    let outcome = scope(&pool, |scope| {
        scope.spawn(|| {
            Context::current().set_name("the task");
            meeting.come();
            *shelf.lock() += 1;
        });
        meeting.come();
    });
    match outcome {
        Ok(()) => say("main", "the scope ended"),
        Err(error) => say("main", error),
    }
    drop(held);
    say("the shelf can be used", *shelf.lock());
    Ok(())
}
