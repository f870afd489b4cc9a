//! One unit of work as executors see it: type-erased, run here or sent elsewhere, ended once.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::dispatched::{Callbacks, Dispatched};
use crate::error::{TaskError, TaskErrorKind};
use crate::executor::RejectedReason;
use crate::home::{Awaited, Home};
use crate::options::TaskOptions;
use crate::surroundings::{Plain, Surroundings};
use crate::task::{
    CellRef, Ending, Headed, JobCell, Phase, Runner, Task, TaskHandle, cancelled, drop_quietly,
};
use crate::work::Closure;

/// A job: the executor's side of a task. Whoever holds it runs it, or hands it on, or fails it.
///
/// A job that is dropped without any of that, or whose future is dropped before its end, fails its
/// task as lost, so that nobody waits for it for ever. A job whose task was cancelled, or run by somebody who waited for it, is
/// [over](Self::is_over); running it does nothing.
pub struct Job {
    cell: Option<CellRef<dyn JobCell>>,
}

impl Job {
    pub(crate) fn new(cell: CellRef<dyn JobCell>) -> Job {
        Job { cell: Some(cell) }
    }

    /// A job that calls `f`, and its task: for whoever runs jobs without an executor.
    pub fn of<R: Send + 'static>(
        options: TaskOptions,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> (Task<R>, Job) {
        crate::submit::make(options, Closure(f))
    }

    /// A job that calls `f` on this very thread, and its task, which stays on it too: for schedulers
    /// of a thread's own. Neither `f` nor its result needs to be `Send`.
    ///
    /// Run on another thread the job only ends its task, as lost. What would have to be dropped on another thread is
    /// leaked: `f` if the job is, the result if the last handle of its task is.
    #[inline]
    pub fn of_this_thread<R: 'static>(
        options: TaskOptions,
        f: impl FnOnce() -> R + 'static,
    ) -> (Task<R>, Job) {
        crate::submit::make_local(options, f)
    }

    /// Runs the job here, on this thread or in this coroutine, until its task has ended. A future
    /// is waited for. Never panics: that of the job's code becomes the task's error.
    pub fn run(self) {
        self.run_then(|| {});
    }

    /// Like [`run`](Self::run), and calls `before_publish` when this thread is free again but for
    /// handing over the outcome, which nobody can see yet: for executors that count busy workers.
    /// It is called at the end, at the latest.
    pub fn run_then(mut self, before_publish: impl FnOnce()) {
        self.run_in_place(before_publish);
        // It is over; the outcome, if nobody is left to look at it, goes with it.
        drop_quietly(self.cell.take());
    }

    /// Like [`run_then`](Self::run_then), and leaves the job where it is: for schedulers that keep
    /// hold of the jobs they run.
    #[inline]
    pub fn run_in_place(&self, before_publish: impl FnOnce()) {
        let mut before_publish = Some(before_publish);
        if let Some(cell) = &self.cell {
            cell.run(Runner::Job, &mut || {
                if let Some(f) = before_publish.take() {
                    f();
                }
            });
        }
        if let Some(f) = before_publish {
            f();
        }
    }

    /// Says that the job stays on this thread, where the scheduler is about to begin it because of
    /// this wait. If the wait owns the task and nobody else knows it, beginning and ending it cost
    /// no atomic read-modify-write.
    ///
    /// # Safety
    /// The job must not leave this thread any more, and no [handle](Self::task) of it either.
    #[inline]
    pub unsafe fn stay_for(&self, awaited: &Awaited) {
        if let Some(cell) = self.cell()
            && awaited.is_owned()
            && awaited.id() == cell.header().id()
        {
            // SAFETY: the job is here, and stays by contract. The task is in the hands of the wait,
            // which is on this thread: `Awaited` is made for the length of the call that the wait
            // makes here, and is not `Send`. `Task::result` has consumed the task, and either takes
            // the outcome out of it when it has ended, on its own stack, or drops it there.
            unsafe { cell.header().own_alone() };
        }
    }

    /// Ends the task as lost although its code has begun and not ended. If the code has ended and what is
    /// suspended is a callback of the task, that keeps the value for good: the callbacks after it and
    /// whoever waits get this error in its place, or the one that the task has ended with.
    ///
    /// # Safety
    /// The job must have been [run in place](Self::run_in_place) on this thread, if it was begun. Nobody
    /// may ever go on with that: the stack that it is suspended on is leaked.
    pub unsafe fn lose(mut self, why: &str) {
        if let Some(cell) = self.cell.take() {
            // SAFETY: by contract.
            unsafe { cell.lose(TaskError::new(TaskErrorKind::Lost, why)) };
            // What is suspended has borrowed it.
            std::mem::forget(cell);
        }
    }

    /// Whether the job is a future that an async executor polls natively.
    pub fn is_future(&self) -> bool {
        self.cell().is_some_and(JobCell::is_future)
    }

    /// Polls the job once; ready when there is nothing left to do here: its task has ended, or is
    /// run by somebody who waits for it. For async executors. A job that is not a future runs to
    /// its end in the first poll.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.cell {
            None => Poll::Ready(()),
            Some(cell) => cell.poll(cx).map(|()| self.cell = None),
        }
    }

    /// By when the code must have ended if it starts now. For async executors, which poll the job
    /// again at that time.
    pub fn run_deadline(&self) -> Option<Instant> {
        self.cell().and_then(JobCell::run_deadline)
    }

    /// Ends the task with this error, unless the job is over.
    pub fn fail(mut self, error: TaskError) {
        if let Some(cell) = self.cell.take() {
            cell.fail(error);
        }
    }

    /// Cancels the task, unless the job is over.
    pub fn cancel(self) {
        self.fail(cancelled());
    }

    /// Fails the task as rejected, unless the job is over.
    pub fn reject(self, reason: RejectedReason) {
        self.fail(TaskError::new(TaskErrorKind::Rejected, reason.to_string()));
    }

    /// Whether there is nothing left to do: the task was cancelled, or run by who waited for it.
    pub fn is_over(&self) -> bool {
        self.cell().is_none_or(|cell| cell.header().phase() != Phase::Queued)
    }

    /// The task's handle.
    pub fn task(&self) -> Option<TaskHandle> {
        self.cell.as_ref().map(|cell| TaskHandle::new(cell.clone()))
    }

    /// The task's number.
    #[inline]
    pub fn id(&self) -> Option<u64> {
        self.cell().map(|cell| cell.header().id())
    }

    /// The task's name, if it was given one.
    pub fn name(&self) -> Option<Arc<str>> {
        self.cell()?.header().options()?.name.clone()
    }

    /// The task's priority; higher first.
    pub fn priority(&self) -> i32 {
        self.cell().and_then(|cell| cell.header().options()).map_or(0, |options| options.priority)
    }

    /// Says in whose queue the job is now: a worker of that executor that waits for the task runs
    /// it itself.
    #[inline]
    pub fn set_home(&self, home: Home) {
        if let Some(cell) = self.cell() {
            cell.header().set_home(home.number());
        }
    }

    /// Whether the job can be run in another process of this binary.
    pub fn is_portable(&self) -> bool {
        self.cell().is_some_and(JobCell::is_portable)
    }

    /// Claims the job to run it elsewhere: what to call, and the encoded argument. The task counts
    /// as running from now on.
    ///
    /// `None` if the job is not portable or is over, or its argument could not be encoded (the task
    /// has failed then).
    pub fn dispatch(self) -> Option<Dispatched> {
        self.dispatch_with(&mut Plain)
    }

    /// Like [`dispatch`](Self::dispatch), with these surroundings around the encoding of the
    /// argument.
    pub fn dispatch_with(self, surroundings: &mut dyn Surroundings) -> Option<Dispatched> {
        // Callbacks run here.
        self.dispatch_apart(surroundings).map_err(drop).ok()
    }

    /// Like [`dispatch_with`](Self::dispatch_with), and leaves the callbacks of a task that has failed
    /// thereby to the caller.
    ///
    /// # Errors
    /// If the job is not dispatched: with the task's callbacks if there are any.
    pub fn dispatch_apart(
        mut self,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Dispatched, Option<Callbacks>> {
        // A job that is not portable stays in `self`, whose drop fails the task.
        let cell = self.cell.take_if(|cell| cell.is_portable()).ok_or(None)?;
        match cell.dispatch(surroundings) {
            Ok((entry, argument)) => Ok(Dispatched::new(cell, entry, argument)),
            Err(None) => Err(None),
            Err(Some(error)) => Err(Callbacks::of_ended(cell, Ending::Failed(error))),
        }
    }

    /// Like [`fail`](Self::fail), and leaves the task's callbacks to the caller, if there are any: for
    /// executors that have portable jobs, on threads that must not wait. If the job is not portable its
    /// callbacks run here.
    pub fn fail_apart(mut self, error: TaskError) -> Option<Callbacks> {
        Callbacks::of_ended(self.cell.take()?, Ending::Unbegun(error))
    }

    #[inline]
    fn cell(&self) -> Option<&dyn JobCell> {
        self.cell.as_deref()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            cell.abandon();
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.task()).finish()
    }
}
