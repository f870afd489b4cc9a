//! An async task reads the ends of several tasks as they come, its own among them.

use std::sync::{Arc, Mutex};

use manyhands::{TaskHandle, as_completed, spawn_async};

use super::Exhibit;
use super::cast::{say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "own_end_among_others",
    program: "an async task awaits the ends of several tasks as they come, its own among them",
    std: "has no tasks",
    parking_lot: "has no tasks",
    tokio: "the task hangs, with a FuturesUnordered of join handles",
    python: "hangs: asyncio.as_completed()",
    run,
};

fn run() -> anyhow::Result<()> {
    let all: Arc<Mutex<Option<Vec<TaskHandle>>>> = Arc::default();
    let list = Arc::clone(&all);
    let reader = spawn_async(async move {
        let tasks = loop {
            if let Some(tasks) = list.lock().expect("nobody panics").take() {
                break tasks;
            }
            tokio::task::yield_now().await;
        };
        let mut ends = as_completed(tasks);
        while ends.next_async().await.is_some() {
            say("the reader", format!("one has ended, {} are left", ends.remaining()));
        }
        "read all of them"
    });
    let other = spawn_async(async { 6 * 7 });
    *all.lock().expect("nobody panics") = Some(vec![reader.handle(), other.handle()]);
    say_outcome("the reader", &reader.result());
    Ok(())
}
