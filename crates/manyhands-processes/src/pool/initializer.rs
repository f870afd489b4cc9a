//! What each worker calls before its first task: a function with its argument, without their types.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use manyhands_executor::{
    Dispatched, Executor, ExecutorExt, Job, Portable, Rejected, Shutdown, Task, TaskError,
    TaskErrorKind,
};

/// A function with its argument, which can be sent any number of times.
pub(super) trait Initializer: Send + Sync {
    /// What to call and with what.
    ///
    /// # Errors
    /// If the argument cannot be encoded.
    fn request(&self) -> Result<Dispatched, TaskError>;

    /// What has become of it, from the encoded outcome.
    ///
    /// # Errors
    /// Why the worker is not initialized.
    fn judge(&self, outcome: &[u8]) -> Result<(), String>;
}

pub(super) fn of<A, E>(f: fn(A) -> Result<(), E>, argument: A) -> Arc<dyn Initializer>
where
    A: Portable + Clone + Sync,
    E: Portable + fmt::Display,
{
    Arc::new(Typed { f, argument })
}

struct Typed<A, E> {
    f: fn(A) -> Result<(), E>,
    argument: A,
}

impl<A: Portable + Clone + Sync, E: Portable + fmt::Display> Typed<A, E> {
    fn call(&self) -> (Task<Result<(), E>>, Option<Dispatched>) {
        let capture = Capture::default();
        let task = capture.submit(self.f, self.argument.clone());
        (task, capture.dispatched())
    }
}

impl<A: Portable + Clone + Sync, E: Portable + fmt::Display> Initializer for Typed<A, E> {
    fn request(&self) -> Result<Dispatched, TaskError> {
        let (task, dispatched) = self.call();
        match dispatched {
            Some(dispatched) => {
                // Nobody waits for this one.
                task.on_done(|_| {});
                Ok(dispatched)
            }
            None => Err(task.result().err().unwrap_or_else(|| {
                TaskError::new(TaskErrorKind::Lost, "the initializer was not sent")
            })),
        }
    }

    fn judge(&self, outcome: &[u8]) -> Result<(), String> {
        let (task, dispatched) = self.call();
        if let Some(dispatched) = dispatched {
            dispatched.complete_encoded(outcome);
        }
        match task.result() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the initializer failed: {error}")),
            Err(error) if error.is_panicked() => {
                let at = error.location().map(|at| format!(" at {at}")).unwrap_or_default();
                Err(format!("the initializer panicked{at}: {}", error.message()))
            }
            Err(error) => Err(format!("the initializer was not run: {error}")),
        }
    }
}

/// Keeps the one job that it is given, as bytes.
#[derive(Default)]
struct Capture(Mutex<Option<Dispatched>>);

impl Capture {
    fn dispatched(self) -> Option<Dispatched> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executor for Capture {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = job.dispatch();
        Ok(())
    }

    fn parallelism(&self) -> usize {
        1
    }

    fn shutdown(&self, _: Shutdown) {}
}
