//! The process in which one model meets the task that aborts.

use std::io::{self, Write};
use std::time::Duration;

use manyhands::{AnyExecutor, ExecutorExt, Task, TaskError, TaskErrorKind, sleep, wait_all};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{CrashOrder, Told};
use crate::compare::child::read_order;
use crate::exit::Exit;

/// How long a task waits before it answers or aborts.
const LENGTH: Duration = Duration::from_millis(2);

/// Runs the order on standard input, and tells of every task as it ends.
///
/// # Errors
/// When the order makes no sense or the executor cannot be made.
pub(crate) fn run_crash() -> anyhow::Result<Exit> {
    let order: CrashOrder = read_order()?;
    let executor: AnyExecutor = order.model.parse()?;
    leave_no_core();
    let tasks: Vec<Task<u64>> = (1..=order.tasks)
        .map(|number| {
            let task = executor.submit(square_or_abort, (number, order.crashing));
            task.on_done(move |outcome| tell(&told(number, outcome)));
            task
        })
        .collect();
    wait_all(&tasks);
    let afterwards = executor.submit(square_or_abort, (order.tasks + 1, order.crashing)).result();
    tell(&Told::Afterwards { result: afterwards.map_err(|error| error.to_string()) });
    Ok(Exit::Success)
}

/// The square of the number, after a moment; the process aborts if it is the wrong one.
fn square_or_abort((number, crashing): (u32, u32)) -> u64 {
    sleep(LENGTH);
    if number == crashing {
        std::process::abort();
    }
    u64::from(number).pow(2)
}

fn told(task: u32, outcome: &Result<u64, TaskError>) -> Told {
    match outcome {
        Ok(value) => Told::Result { task, value: *value },
        Err(error) => Told::Error {
            task,
            worker_died: error.kind() == TaskErrorKind::WorkerDied,
            message: error.to_string(),
        },
    }
}

/// Prints it as one line, at once: there may be no later.
fn tell(told: &Told) {
    let Ok(mut line) = serde_json::to_vec(told) else { return };
    line.push(b'\n');
    // If nobody listens the parent is gone, and this process is about to be.
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
}

/// Crashing is what is wanted here, so there is nothing to be looked for in a core dump.
fn leave_no_core() {
    // If it is refused, the system dumps as it is set up to.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
