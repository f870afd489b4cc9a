//! A callback waits for the result of the task that calls it.

use manyhands::{InProcess, ThreadPool};

use super::Exhibit;
use super::cast::{say, say_outcome};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "callback_waits_for_its_task",
    program: "a callback waits for the result of its task, which nobody gets before its callbacks have run",
    std: "has no tasks",
    parking_lot: "has no tasks",
    tokio: "has no callbacks",
    python: "goes on: the result is there before the callbacks run",
    run,
};

fn run() -> anyhow::Result<()> {
    let pool = ThreadPool::builder().workers(1).name_prefix("post").build()?;
    let (send, letter) = std::sync::mpsc::channel::<()>();
    let task = InProcess::spawn(&pool, move || letter.recv().map_or("no letter", |()| "a letter"));
    let own = task.handle();
    task.on_done(move |_| match own.wait_checked() {
        Ok(()) => say("the callback", "saw the end of its task"),
        Err(deadlock) => say("the callback", deadlock),
    });
    send.send(())?;
    say_outcome("the task", &task.result());
    Ok(())
}
