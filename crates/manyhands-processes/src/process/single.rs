//! One call as a task and as what is sent away, without an executor behind it.

use std::sync::{Mutex, PoisonError};

use manyhands_executor::{
    Dispatched, Executor, ExecutorExt, Job, Portable, Rejected, Shutdown, Task, TaskError,
    TaskErrorKind, TaskOptions,
};

use crate::memory::attachments::{Attachments, Travel};
use crate::start::{StartError, StartErrorKind};

/// Makes the call ready to be sent away, with what travels beside its argument.
///
/// # Errors
/// If its argument cannot be encoded.
pub(super) fn dispatch<A: Portable, R: Portable>(
    name: &str,
    f: fn(A) -> R,
    argument: A,
) -> Result<(Task<R>, Dispatched, Attachments), StartError> {
    let taken = Taken(Mutex::new(None));
    let task = taken.with(TaskOptions::new().name(name)).submit(f, argument);
    let call = taken.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    match call {
        Some((call, attachments)) => Ok((task, call, attachments)),
        None => {
            let why = match task.outcome() {
                Some(Err(error)) => error.to_string(),
                _ => "its argument was not encoded".to_owned(),
            };
            Err(StartError::new(
                StartErrorKind::NotPortable,
                format!("the process '{name}' was not started: {why}"),
            ))
        }
    }
}

/// Ends a task that was not sent after all, without anybody being told of it.
pub(super) fn withdraw<R>(task: Task<R>, call: Dispatched) {
    call.fail(TaskError::new(TaskErrorKind::Cancelled, "the process was not started"));
    let _heard = task.outcome();
}

/// Takes one job and keeps it.
struct Taken(Mutex<Option<(Dispatched, Attachments)>>);

impl Executor for Taken {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        let mut travel = Travel::new();
        let call = job.dispatch_with(&mut travel).map(|call| (call, travel.outgoing));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = call;
        Ok(())
    }

    fn parallelism(&self) -> usize {
        1
    }

    fn shutdown(&self, _how: Shutdown) {}
}
