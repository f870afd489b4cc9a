//! The one allocation behind a job and its task, seen from both sides.

use std::task::{Context, Poll};
use std::time::Instant;

use crate::entry::Entry;
use crate::error::{TaskError, TaskErrorKind};
use crate::panic_capture;
use crate::primitive::UnsafeCell;
use crate::remote::remote_of;
use crate::surroundings::Surroundings;
use crate::task::header::{Header, Phase, Runner};
use crate::task::outcome::{Outcome, Shared};
use crate::task::reference::Headed;
use crate::work::Work;
use manyhands_wait::{Cause, Interrupt, Layer};

/// The executor's side: run it, or fail it. Every method may be called at any time; what comes
/// after the task was claimed by somebody else does nothing.
///
/// # Safety
/// The cell must begin with its [`Header`], in memory: `#[repr(C)]`, and first of all a header, or
/// something that begins with one.
pub(crate) unsafe trait JobCell: Send + Sync {
    /// Claims and runs the task here. `before_publish` is called after the code has ended and
    /// before anybody can see the outcome; not if callbacks are to run first.
    fn run(&self, runner: Runner, before_publish: &mut dyn FnMut());

    /// Whether the work is a future, for which [`poll`](Self::poll) makes sense.
    fn is_future(&self) -> bool {
        false
    }

    /// Polls the future once; claims it first. Ready when the task has ended, or is somebody
    /// else's. Called by the one job of the cell.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _not_a_future = cx;
        self.run(Runner::Job, &mut || {});
        Poll::Ready(())
    }

    /// By when code that starts now must have ended.
    fn run_deadline(&self) -> Option<Instant> {
        self.header().options().and_then(|options| options.run_deadline())
    }

    /// Ends the task with this error, if it has not begun.
    fn fail(&self, error: TaskError);

    /// Ends a task whose job has begun and will never go on; if it has not begun, like
    /// [`fail`](Self::fail). A task that somebody else has claimed is theirs to end, also if the job
    /// was suspended when it dropped the work.
    ///
    /// # Safety
    /// The job must be suspended for ever, and the caller be on its thread: otherwise it would end the
    /// task a second time.
    unsafe fn lose(&self, error: TaskError) {
        match self.header().phase_if_begun() {
            None => self.fail(error),
            Some(Phase::Queued | Phase::Done) => {}
            Some(Phase::Running) => self.fail_dispatched(error),
            Some(Phase::Finished) => {
                let why = format!("{}; one of its callbacks has the value", error.message());
                self.tell_without_outcome(TaskError::new(error.kind(), why));
            }
        }
    }

    /// Ends a task that is finished, although one of its callbacks never returns: see
    /// [`Shared::tell_without_outcome`].
    fn tell_without_outcome(&self, error: TaskError);

    /// The job is dropped: ends the task as lost, unless somebody else has it. Called by the one
    /// job of the cell, and nothing of it after this.
    fn abandon(&self) {
        if self.header().phase() == Phase::Queued {
            self.fail(dropped_unrun());
        }
    }

    /// Whether [`dispatch`](Self::dispatch) can work.
    fn is_portable(&self) -> bool {
        false
    }

    /// Claims the task to run it elsewhere.
    ///
    /// # Errors
    /// With nothing if it is not portable or was claimed by somebody else; with an error if it is
    /// claimed and cannot be sent, and then it has to be ended with that.
    fn dispatch(&self, _: &mut dyn Surroundings) -> Result<(Entry, Vec<u8>), Option<TaskError>> {
        Err(None)
    }

    /// Ends a task that was dispatched with what its entry returned, decoded in these surroundings.
    fn complete_encoded(&self, _outcome: &[u8], _: &mut dyn Surroundings) {
        unreachable!("only portable work is dispatched")
    }

    /// Ends a task that was dispatched, without a value.
    fn fail_dispatched(&self, error: TaskError);

    /// Ends a task but for its callbacks. `true` if there are any: then
    /// [`run_callbacks`](Self::run_callbacks) has to follow. Work that is not portable runs them here.
    fn end_apart(&self, ending: Ending<'_>) -> bool {
        match ending {
            Ending::Encoded(outcome, surroundings) => self.complete_encoded(outcome, surroundings),
            Ending::Failed(error) => self.fail_dispatched(error),
            Ending::Unbegun(error) => self.fail(error),
        }
        false
    }

    /// What is left after [`end_apart`](Self::end_apart).
    fn run_callbacks(&self) {}
}

/// How a task ends that was sent away, or was to be.
pub(crate) enum Ending<'a> {
    /// It was dispatched, and this is what its entry returned, to be decoded in these surroundings.
    Encoded(&'a [u8], &'a mut dyn Surroundings),
    /// It was dispatched.
    Failed(TaskError),
    /// It ends only if nobody has begun it.
    Unbegun(TaskError),
}

/// The holder's side.
///
/// # Safety
/// The cell must begin with its [`Shared<R>`], in memory.
pub(crate) unsafe trait TaskCell<R>: JobCell {}

/// A call and its outcome.
#[repr(C)]
pub(crate) struct CallCell<W: Work> {
    shared: Shared<W::Output>,
    work: UnsafeCell<Option<W>>,
}

// SAFETY: `work` is touched only by whoever claimed the task, which is one caller; the `W` moves
// between threads with that right, and `Work` is `Send`.
unsafe impl<W: Work> Sync for CallCell<W> {}

impl<W: Work> CallCell<W> {
    pub(crate) fn new(shared: Shared<W::Output>, work: W) -> CallCell<W> {
        CallCell { shared, work: UnsafeCell::new(Some(work)) }
    }

    /// The work. For the one who claimed the task.
    fn take_work(&self) -> Option<W> {
        // SAFETY: callers have claimed the task, so they are alone here.
        self.work.with_mut(|slot| unsafe { (*slot).take() })
    }

    fn execute(&self, work: W) -> Outcome<W::Output> {
        let header = &self.shared.header;
        let deadline = header.options().and_then(|options| options.run_deadline());
        let layer = Layer::new().task(header).source(header).deadline(deadline);
        panic_capture::catch(|| layer.enter(|| work.call()))
            .map_err(|payload| error_of(payload, &layer))
    }
}

// SAFETY: `repr(C)`, and the shared half, which begins with the header, comes first.
unsafe impl<W: Work> JobCell for CallCell<W> {
    fn run(&self, runner: Runner, before_publish: &mut dyn FnMut()) {
        if !self.shared.header.claim_for(runner) {
            return;
        }
        let outcome = match self.take_work() {
            Some(work) if is_late(&self.shared.header) => {
                drop_quietly(work);
                Err(timed_out_in_queue())
            }
            Some(work) => self.execute(work),
            None => Err(no_work()),
        };
        if !self.shared.header.has_callbacks() {
            before_publish();
        }
        self.shared.complete(outcome);
    }

    fn fail(&self, error: TaskError) {
        if self.shared.header.claim() {
            drop_quietly(self.take_work());
            self.shared.complete(Err(error));
        }
    }

    fn is_portable(&self) -> bool {
        W::PORTABLE
    }

    fn dispatch(
        &self,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(Entry, Vec<u8>), Option<TaskError>> {
        if !W::PORTABLE || !self.shared.header.claim() {
            return Err(None);
        }
        self.shared.header.set_away();
        if is_late(&self.shared.header) {
            return Err(Some(timed_out_in_queue()));
        }
        // SAFETY: we have claimed the task, so we are alone here.
        let encoded = self.work.with(|slot| unsafe {
            (*slot).as_ref().map(|work| (work.entry(), work.encode_argument(surroundings)))
        });
        match encoded {
            Some((Some(entry), Ok(argument))) => Ok((entry, argument)),
            Some((_, Err(error))) => Err(Some(error)),
            _ => Err(Some(no_work())),
        }
    }

    fn complete_encoded(&self, outcome: &[u8], surroundings: &mut dyn Surroundings) {
        drop_quietly(self.take_work());
        self.shared.complete(W::decode_outcome(outcome, surroundings));
    }

    fn fail_dispatched(&self, error: TaskError) {
        drop_quietly(self.take_work());
        self.shared.complete(Err(error));
    }

    fn end_apart(&self, ending: Ending<'_>) -> bool {
        if matches!(ending, Ending::Unbegun(_)) && !self.shared.header.claim() {
            return false;
        }
        drop_quietly(self.take_work());
        self.shared.complete_apart(match ending {
            Ending::Encoded(outcome, surroundings) => W::decode_outcome(outcome, surroundings),
            Ending::Failed(error) | Ending::Unbegun(error) => Err(error),
        })
    }

    fn run_callbacks(&self) {
        self.shared.tell();
    }

    fn tell_without_outcome(&self, error: TaskError) {
        self.shared.tell_without_outcome(error);
    }
}

// SAFETY: `repr(C)`, and the shared half comes first.
unsafe impl<W: Work> TaskCell<W::Output> for CallCell<W> {}

/// Whether the task's deadline has passed.
pub(crate) fn is_late(header: &Header) -> bool {
    header.deadline().is_some_and(|at| at <= Instant::now())
}

pub(crate) fn dropped_unrun() -> TaskError {
    TaskError::new(TaskErrorKind::Lost, "the executor dropped the task without running it")
}

pub(crate) fn timed_out_in_queue() -> TaskError {
    TaskError::new(TaskErrorKind::TimedOut, "the task's deadline passed before it was started")
}

fn no_work() -> TaskError {
    TaskError::new(TaskErrorKind::Lost, "the job had no work in it")
}

/// What a payload that unwound out of a task's layer means.
pub(crate) fn error_of(payload: Box<dyn std::any::Any + Send>, layer: &Layer<'_>) -> TaskError {
    match Interrupt::caught(payload, layer) {
        Ok(Cause::Cancelled) => cancelled(),
        Ok(Cause::DeadlinePassed) => {
            TaskError::new(TaskErrorKind::TimedOut, "the task ran longer than it was allowed to")
        }
        Err(payload) => TaskError::panicked(payload, panic_capture::take_details()),
    }
}

pub(crate) fn cancelled() -> TaskError {
    TaskError::new(TaskErrorKind::Cancelled, "the task was cancelled")
}

/// Drops work that will not be done; what its destructors panic is the panic hook's to report.
pub(crate) fn drop_quietly<T>(value: T) {
    panic_capture::contain_panic(|| drop(value));
}

/// Cancels a task: at once if it has not begun, else by asking its code to end.
pub(crate) fn cancel(cell: &dyn JobCell) -> crate::Cancellation {
    let header = cell.header();
    if header.phase() == Phase::Queued {
        cell.fail(cancelled());
    }
    match header.verdict() {
        Some(crate::task::header::Verdict::Cancelled) => crate::Cancellation::Cancelled,
        Some(_) => crate::Cancellation::TooLate,
        None => {
            header.request_cancel();
            if header.is_away()
                && let Some(remote) = remote_of(header.home())
            {
                remote.cancel(header.id());
            }
            crate::Cancellation::Requested
        }
    }
}

/// Whether the task's code runs now, here or where it was sent.
pub(crate) fn is_running(cell: &dyn JobCell) -> bool {
    let header = cell.header();
    header.phase() == Phase::Running
        && (!header.is_away()
            || remote_of(header.home()).is_none_or(|remote| remote.is_started(header.id())))
}
