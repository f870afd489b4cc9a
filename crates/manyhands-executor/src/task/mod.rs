//! The handle of a submitted call: [`Task`], and its type-erased twin [`TaskHandle`].

mod blocks;
mod cell;
pub(crate) mod edge;
mod few;
mod future;
mod handle;
mod header;
mod local;
mod outcome;
mod reference;
mod word;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use manyhands_wait::{Deadlock, Leaf, Reason, Resource, TimedOut, Wait, WaitError};

pub(crate) use cell::{
    CallCell, Ending, JobCell, TaskCell, cancelled, drop_quietly, timed_out_in_queue,
};
pub(crate) use edge::{Purpose, TaskEdge};
pub(crate) use future::FutureCell;
pub use handle::{AsTask, TaskHandle};
pub(crate) use header::{Phase, Runner, Verdict};
pub(crate) use local::LocalCell;
pub use outcome::Outcome;
pub(crate) use outcome::Shared;
pub(crate) use reference::{CellRef, Headed};

use crate::error::TaskError;
use crate::home;

static RESULT: Reason = Reason::new("result of a task");
static GROUP_EXIT: Reason = Reason::new("exit of a group");

/// What [`Task::cancel`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cancellation {
    /// The task is cancelled: it never ran and never will, or it was cancelled before.
    Cancelled,
    /// The task runs and was asked to end; it will at its next wait or
    /// [`check_cancelled`](manyhands_wait::check_cancelled), unless it finishes first.
    Requested,
    /// The task had ended already; its outcome stays.
    TooLate,
}

/// A call that was submitted: how it stands, and its outcome when it has ended.
///
/// Dropping a task does not stop it. A failure that nobody looks at is reported on standard error
/// (a panic by the panic hook when it happens, other failures when the task is dropped).
///
/// A task is also a future of its [`Outcome`], for async code.
///
/// ```
/// use manyhands_executor::{ExecutorExt, Sequential};
///
/// let task = Sequential::new().submit(|n: u64| n * n, 12);
/// assert!(task.is_done());
/// assert_eq!(task.result().unwrap(), 144);
/// ```
#[doc(alias = "Future")]
#[doc(alias = "AsyncResult")]
#[must_use = "a task whose outcome is never looked at may have failed; drop it explicitly to detach"]
pub struct Task<R> {
    cell: CellRef<dyn TaskCell<R>>,
    /// The outcome is reached through `&Task`: it is `Sync` only if `R` is.
    outcome: PhantomData<R>,
}

impl<R> Task<R> {
    pub(crate) fn new(cell: CellRef<dyn TaskCell<R>>) -> Task<R> {
        Task { cell, outcome: PhantomData }
    }

    /// Waits for the outcome and takes it. From a worker of the executor in whose queue the task
    /// still is, the task runs right here instead, so that nested submits cannot starve a pool.
    ///
    /// Callable from threads and coroutines; in async code `.await` the task.
    ///
    /// # Errors
    /// The task's [`TaskError`](crate::TaskError). One of the kind
    /// [`Deadlock`](crate::TaskErrorKind::Deadlock) also if the outcome can never come, because the task
    /// waits for this very caller, or for others who do. The task goes on then without anybody who
    /// waits for it.
    ///
    /// # Panics
    /// If the outcome was taken before, by [`result_timeout`](Self::result_timeout) or `.await`.
    #[track_caller]
    #[inline]
    pub fn result(self) -> Outcome<R> {
        if !self.is_settled()
            && let Err(deadlock) = wait_for_end(self.cell(), Waiter::Owner, Purpose::Result)
        {
            return Err(TaskError::from(deadlock));
        }
        self.cell.shared().take().expect("the outcome of a task is taken only once")
    }

    /// Waits for the outcome for at most `limit`, and takes it if it came. A limit of zero asks
    /// without waiting. The task goes on either way, and so does this handle.
    ///
    /// # Errors
    /// [`TimedOut`] if there is no outcome yet: the limit of this call, not one of the task's.
    ///
    /// # Panics
    /// If the outcome was taken before.
    #[track_caller]
    pub fn result_timeout(&mut self, limit: Duration) -> Result<Outcome<R>, TimedOut> {
        self.wait_timeout(limit)?;
        Ok(self.cell.shared().take().expect("the outcome of a task is taken only once"))
    }

    /// Waits until the task has ended and leaves the outcome where it is.
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
        wait_for_end(self.cell(), Waiter::One, Purpose::Result)
    }

    /// Like [`wait`](Self::wait), for at most `limit`; never runs the task here.
    ///
    /// # Errors
    /// [`TimedOut`] if the task has not ended by then.
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> Result<(), TimedOut> {
        if self.is_settled() {
            return Ok(());
        }
        if limit.is_zero() {
            return Err(TimedOut);
        }
        wait_timeout(self.cell(), limit)
    }

    /// The outcome, if the task has ended, its callbacks have run, and it was not taken.
    #[doc(alias = "exception")]
    pub fn outcome(&self) -> Option<&Outcome<R>> {
        self.cell.shared().get()
    }

    /// Whether the task has ended: with a value, an error, or by cancellation.
    #[doc(alias = "ready")]
    pub fn is_done(&self) -> bool {
        self.header().phase() >= Phase::Finished
    }

    /// Whether the task's code runs now.
    pub fn is_running(&self) -> bool {
        cell::is_running(self.cell())
    }

    /// Whether the task ended by cancellation.
    pub fn is_cancelled(&self) -> bool {
        self.header().verdict() == Some(Verdict::Cancelled)
    }

    /// Cancels the task. Waiting in a queue, it is cancelled at once and never starts. Running, it
    /// is asked to end: its next wait unwinds, destructors run. Ended, it stays as it is. Does not
    /// wait; callbacks of a task cancelled at once run here.
    pub fn cancel(&self) -> Cancellation {
        cell::cancel(self.cell())
    }

    /// The task's number, unique in this process.
    pub fn id(&self) -> u64 {
        self.header().id()
    }

    /// The task's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.header().options().and_then(|options| options.name.as_deref())
    }

    /// Says that a failure nobody looks at is not to be reported.
    pub(crate) fn forgo_report(&self) {
        self.cell.shared().mark_seen();
    }

    fn header(&self) -> &header::Header {
        self.cell.header()
    }

    fn is_settled(&self) -> bool {
        self.header().phase() == Phase::Done
    }

    fn cell(&self) -> &(dyn JobCell + 'static) {
        upcast(&*self.cell)
    }
}

impl<R: 'static> Task<R> {
    /// Has `callback` called with the outcome when the task ends: by the thread that ends it,
    /// before anybody can take the outcome; at once, here, if it has ended. A panic of a callback
    /// is reported by the panic hook; the others still run. Once the outcome was taken a callback
    /// is not called any more.
    #[doc(alias = "add_done_callback")]
    #[doc(alias = "link")]
    pub fn on_done(&self, callback: impl FnOnce(&Outcome<R>) + Send + 'static) {
        self.cell.shared().on_done(Box::new(callback));
    }

    /// Like [`on_done`](Self::on_done), if the task ends with a value.
    ///
    /// ```
    /// use manyhands_executor::{ExecutorExt, Sequential};
    ///
    /// let task = Sequential::new().submit(|n: u64| n * n, 12);
    /// task.on_value(|square| println!("{square}"));
    /// ```
    #[doc(alias = "link_value")]
    pub fn on_value(&self, callback: impl FnOnce(&R) + Send + 'static) {
        self.on_done(move |outcome| {
            if let Ok(value) = outcome {
                callback(value);
            }
        });
    }

    /// Like [`on_done`](Self::on_done), if the task ends with an error: a panic, a cancellation,
    /// a deadline.
    #[doc(alias = "link_exception")]
    pub fn on_error(&self, callback: impl FnOnce(&TaskError) + Send + 'static) {
        self.on_done(move |outcome| {
            if let Err(error) = outcome {
                callback(error);
            }
        });
    }

    /// A handle that does not know the type of the outcome; it can be cloned and mixed with those
    /// of tasks of other types.
    pub fn handle(&self) -> TaskHandle {
        TaskHandle::new(self.cell.clone().into_job())
    }
}

fn upcast<'a, R>(cell: &'a (dyn TaskCell<R> + 'static)) -> &'a (dyn JobCell + 'static) {
    cell
}

/// Who waits for the end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// The [`Task`] itself, of which the wait has made itself the owner: nobody else has it until
    /// the wait is over, and then it is here.
    Owner,
    /// One of perhaps many.
    One,
}

/// Waits until the task behind `cell` is done. Runs it here if this thread works for the executor
/// in whose queue it is.
///
/// # Errors
/// The deadlock, if it will never be done.
#[inline]
#[track_caller]
fn wait_for_end(
    cell: &(dyn JobCell + 'static),
    waiter: Waiter,
    purpose: Purpose,
) -> Result<(), Deadlock> {
    if cell.header().phase() == Phase::Done {
        return Ok(());
    }
    if home::help(cell, waiter) && cell.header().phase() == Phase::Done {
        return Ok(());
    }
    wait_in_queue(cell, purpose)
}

/// Waits until the task behind `cell` is done, whoever runs it.
#[inline(never)]
#[track_caller]
fn wait_in_queue(cell: &(dyn JobCell + 'static), purpose: Purpose) -> Result<(), Deadlock> {
    match wait_until(cell, purpose, cell.header().deadline()) {
        Ok(()) => return Ok(()),
        Err(WaitError::Deadlock(deadlock)) => return Err(deadlock),
        Err(_time_is_over) => {}
    }
    // The task's own deadline, while it may still be in the queue: nobody else might look. If
    // it runs it will be ended by its own waits.
    cell.fail(timed_out_in_queue());
    match wait_until(cell, purpose, None) {
        Err(WaitError::Deadlock(deadlock)) => Err(deadlock),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Waits until the task behind `cell` is done, or until `until`.
#[track_caller]
fn wait_until(
    cell: &(dyn JobCell + 'static),
    purpose: Purpose,
    until: Option<Instant>,
) -> Result<(), WaitError> {
    let done = Done { cell, key: None };
    let reason = match purpose {
        Purpose::Result => &RESULT,
        Purpose::GroupExit => &GROUP_EXIT,
    };
    let edge = TaskEdge { cell, purpose };
    Wait::new(reason).on_task(cell.header().id()).on(&edge).until(until).run_checked(done)
}

/// Waits until the task behind `cell` is done, for at most `limit`. Such a wait ends: nobody asks
/// whether it is in a deadlock.
#[track_caller]
fn wait_timeout(cell: &dyn JobCell, limit: Duration) -> Result<(), TimedOut> {
    let until = Instant::now().checked_add(limit);
    let done = Done { cell, key: None };
    Wait::new(&RESULT).on_task(cell.header().id()).until(until).run(done)
}

/// The future of the end of a task.
struct Done<'a> {
    cell: &'a dyn JobCell,
    key: Option<usize>,
}

impl Future for Done<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let header = self.cell.header();
        if header.phase() == Phase::Done {
            return Poll::Ready(());
        }
        if let Some(key) = self.key.take() {
            header.remove_waker(key);
        }
        self.key = header.add_waker(cx.waker());
        if self.key.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.cell.header().remove_waker(key);
        }
    }
}

impl<R> Future for Task<R> {
    type Output = Outcome<R>;

    /// Ready with an error of the kind [`Deadlock`](crate::TaskErrorKind::Deadlock) also if the outcome
    /// can never come, because the task waits for the async task that polls this, or for others who do;
    /// in async tasks of this library, and others that are
    /// [tracked](manyhands_wait::tracked()).
    ///
    /// # Panics
    /// If the outcome was taken before.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<R>> {
        if !self.is_settled() {
            let at = Location::caller();
            let edge = || -> Arc<dyn Resource> {
                let cell = self.cell.clone().into_job();
                Arc::new(TaskEdge { cell, purpose: Purpose::Result })
            };
            let tell = |leaf: &mut Leaf| leaf.pending(cx, &RESULT, at, edge);
            if let Some(deadlock) = ready!(self.header().set_poller(cx.waker(), tell)) {
                return Poll::Ready(Err(deadlock.into()));
            }
        }
        let outcome = self.cell.shared().take();
        Poll::Ready(outcome.expect("the outcome of a task is taken only once"))
    }
}

impl<R> Drop for Task<R> {
    fn drop(&mut self) {
        self.header().forget_poller();
    }
}

// A task is never pinned structurally.
impl<R> Unpin for Task<R> {}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header();
        let mut out = f.debug_struct("Task");
        out.field("id", &header.id());
        if let Some(name) = self.name() {
            out.field("name", &name);
        }
        match header.phase() {
            Phase::Queued => out.field("state", &"queued"),
            Phase::Running if header.cancel_requested() => out.field("state", &"being cancelled"),
            Phase::Running => out.field("state", &"running"),
            Phase::Finished | Phase::Done => match self.outcome() {
                Some(Ok(_)) => {
                    out.field("state", &"done").field("value", &std::any::type_name::<R>())
                }
                Some(Err(error)) => out.field("state", &"failed").field("error", error),
                None => out.field("state", &"done"),
            },
        };
        out.finish()
    }
}
