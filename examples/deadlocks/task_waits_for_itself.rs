//! A task waits for its own result.

use std::sync::{Arc, OnceLock};

use manyhands::{TaskHandle, ThreadPool};

use super::Exhibit;
use super::cast::{Meeting, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "task_waits_for_itself",
    program: "a task of a pool waits for its own result",
    std: "has no tasks",
    parking_lot: "has no tasks",
    tokio: "the task hangs",
    python: "hangs: future.result() of the running future (asyncio raises RuntimeError)",
    run,
};

fn run() -> anyhow::Result<()> {
    let pool = ThreadPool::new(1)?;
    let own: Arc<OnceLock<TaskHandle>> = Arc::default();
    let meeting = Arc::new(Meeting::of(2));
    let task = {
        let (own, meeting) = (Arc::clone(&own), Arc::clone(&meeting));
        pool.spawn(move || {
            meeting.come();
            own.get().expect("set before the meeting").wait();
            "saw its own end"
        })
    };
    let _first = own.set(task.handle());
    meeting.come();
    say_outcome("the task", &task.result());
    say_outcome("the pool's next task", &pool.spawn(|| "done").result());
    Ok(())
}
