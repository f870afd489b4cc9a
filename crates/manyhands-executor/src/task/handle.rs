//! A task without the type of its outcome: to cancel it, wait for it, and mix it with others.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use manyhands_wait::{Agent, Blockers, Deadlock, TimedOut};

use super::{
    Cancellation, CellRef, Headed, JobCell, Phase, Purpose, Runner, Task, Verdict, Waiter, cell,
    edge, header, wait_for_end, wait_timeout,
};

/// A handle of a task that does not know the type of its outcome. Clones are the same task; it
/// outlives the [`Task`] and keeps nothing running.
#[derive(Clone)]
pub struct TaskHandle {
    cell: CellRef<dyn JobCell>,
}

impl TaskHandle {
    pub(crate) fn new(cell: CellRef<dyn JobCell>) -> TaskHandle {
        TaskHandle { cell }
    }

    /// The task's number, unique in this process.
    pub fn id(&self) -> u64 {
        self.header().id()
    }

    /// The task's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.header().options().and_then(|options| options.name.as_deref())
    }

    /// Whether the task has ended.
    pub fn is_done(&self) -> bool {
        self.header().phase() >= Phase::Finished
    }

    /// Whether the task's code runs now.
    pub fn is_running(&self) -> bool {
        cell::is_running(&*self.cell)
    }

    /// Whether the task ended by cancellation.
    pub fn is_cancelled(&self) -> bool {
        self.header().verdict() == Some(Verdict::Cancelled)
    }

    /// Whether the task ended with an error that is not a cancellation.
    pub fn is_failed(&self) -> bool {
        self.header().verdict() == Some(Verdict::Failed)
    }

    /// Cancels the task, as [`Task::cancel`] does.
    pub fn cancel(&self) -> Cancellation {
        cell::cancel(&*self.cell)
    }

    /// Waits until the task has ended. From a worker of the executor in whose queue the task still
    /// is, the task runs right here instead.
    ///
    /// # Panics
    /// With the report if that can never be: see [`wait_checked`](Self::wait_checked).
    #[track_caller]
    pub fn wait(&self) {
        self.wait_checked().unwrap_or_else(|deadlock| deadlock.raise());
    }

    /// Like [`wait`](Self::wait), and says so if the task will never end because it waits for this very
    /// caller, or for others who do.
    ///
    /// # Errors
    /// The [`Deadlock`]: who waits for whom. The task goes on.
    #[track_caller]
    pub fn wait_checked(&self) -> Result<(), Deadlock> {
        self.wait_for(Purpose::Result)
    }

    /// Likewise, for the sake of something.
    #[track_caller]
    pub(crate) fn wait_for(&self, purpose: Purpose) -> Result<(), Deadlock> {
        wait_for_end(&*self.cell, Waiter::One, purpose)
    }

    /// Waits until the task has ended, for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`] if it has not ended by then.
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> Result<(), TimedOut> {
        if self.is_settled() {
            return Ok(());
        }
        wait_timeout(&*self.cell, limit)
    }

    /// Runs the task here, unless somebody has begun it: for executors. Its job finds nothing to do
    /// then. A future is waited for.
    pub fn run_here(&self) {
        self.cell.run(Runner::Waiter, &mut || {});
    }

    /// Names for whom one waits who waits for the end of this task, which holds a place that others
    /// want: for a [`Workforce`](crate::Workforce). Unless it has begun the wait may end.
    pub fn blockers(&self, blockers: &mut Blockers) {
        match self.header().phase() {
            Phase::Queued => blockers.may_end(),
            _ => edge::any_of(self.header(), blockers),
        }
    }

    /// Whether the code of the task, which has begun, waits for something that somebody known has to
    /// do. Takes no lock but a short one of the task's own.
    pub fn is_stopped(&self) -> bool {
        self.header().runner().is_some_and(Agent::is_waiting)
    }

    /// The number of the home in whose queue the task is, if it has not begun.
    pub(crate) fn queued_at(&self) -> Option<u32> {
        (self.header().phase() == Phase::Queued).then(|| self.header().home())
    }

    /// Whether the task has ended and its callbacks have run.
    pub(crate) fn is_settled(&self) -> bool {
        self.header().phase() == Phase::Done
    }

    pub(crate) fn header(&self) -> &header::Header {
        self.cell.header()
    }

    pub(crate) fn cell(&self) -> &dyn JobCell {
        &*self.cell
    }
}

impl PartialEq for TaskHandle {
    /// The same task.
    fn eq(&self, other: &TaskHandle) -> bool {
        self.id() == other.id()
    }
}

impl Eq for TaskHandle {}

impl std::hash::Hash for TaskHandle {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("phase", &self.header().phase())
            .finish()
    }
}

/// What stands for a task: the task, a reference to it, a handle. Functions that wait for several
/// tasks take any of them.
pub trait AsTask {
    /// The task's type-erased handle.
    fn as_task(&self) -> TaskHandle;
}

impl<R: 'static> AsTask for Task<R> {
    fn as_task(&self) -> TaskHandle {
        self.handle()
    }
}

impl AsTask for TaskHandle {
    fn as_task(&self) -> TaskHandle {
        self.clone()
    }
}

impl<T: AsTask + ?Sized> AsTask for &T {
    fn as_task(&self) -> TaskHandle {
        (**self).as_task()
    }
}

impl<T: AsTask + ?Sized> AsTask for Arc<T> {
    fn as_task(&self) -> TaskHandle {
        (**self).as_task()
    }
}
