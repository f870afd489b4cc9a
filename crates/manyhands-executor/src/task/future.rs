//! A future and its outcome: polled natively by an async executor, waited for on a thread.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use manyhands_wait::{Agent, Layer, LayerTask, Reason, TaskLabel, Tracked, tracked_for};

use crate::error::{TaskError, TaskErrorKind};
use crate::panic_capture;
use crate::primitive::UnsafeCell;
use crate::task::cell::{
    JobCell, TaskCell, cancelled, dropped_unrun, error_of, is_late, timed_out_in_queue,
};
use crate::task::header::{Header, Phase, Runner};
use crate::task::outcome::Shared;

static FUTURE_OF_TASK: Reason = Reason::new("future of a task");

/// Whom the tracked future of a cell tells as which async task it waits: the header of the cell.
struct Told(AtomicPtr<Header>);

impl Told {
    /// Nobody yet: the cell is made, and not in its place.
    fn new() -> Told {
        Told(AtomicPtr::new(ptr::null_mut()))
    }

    fn set(&self, header: &Header) {
        self.0.store(ptr::from_ref(header).cast_mut(), Ordering::Relaxed);
    }

    fn header(&self) -> Option<&Header> {
        // SAFETY: it was set when the task had begun, to the header of the cell that this is a part of,
        // and that stays where it is.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }
}

impl LayerTask for Told {
    fn label(&self) -> TaskLabel {
        self.header().map_or(TaskLabel { id: 0, name: None }, Header::label)
    }

    fn set_waiting(&self, agent: Option<Agent>) {
        if let Some(header) = self.header() {
            header.set_runner(agent);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.header().is_some_and(Header::cancel_requested)
    }
}

/// The cell of [`spawn_async`](crate::InProcess::spawn_async).
#[repr(C)]
pub(crate) struct FutureCell<F: Future> {
    shared: Shared<F::Output>,
    /// Pinned: lives in an allocation of its own, is dropped in place, never moved.
    future: UnsafeCell<Option<Tracked<F, Told>>>,
    /// Whether the job has begun the task in `poll`. Then the future is the job's, across polls;
    /// otherwise it belongs to whoever claimed the task, and a poll has no business with it.
    polled: AtomicBool,
    /// Whether a poll has left its waker with the header.
    is_registered: AtomicBool,
    /// When the code must end; known once it has begun.
    until: UnsafeCell<Option<Instant>>,
}

// SAFETY: `future` and `until` are touched only by whoever claimed the task: `run` and `fail` for
// the length of the call, `poll` and `abandon` for as long as the task runs (`polled`). These two
// are called by the one `Job` of the cell, through `&mut`, so that is one thread at a time. The
// future moves between threads with that right: `Send`.
unsafe impl<F: Future + Send> Sync for FutureCell<F> where F::Output: Send {}

impl<F: Future + Send + 'static> FutureCell<F>
where
    F::Output: Send + 'static,
{
    pub(crate) fn new(shared: Shared<F::Output>, future: F) -> FutureCell<F> {
        FutureCell {
            shared,
            future: UnsafeCell::new(Some(tracked_for(Told::new(), future))),
            polled: AtomicBool::new(false),
            is_registered: AtomicBool::new(false),
            until: UnsafeCell::new(None),
        }
    }

    /// Polls the future where it lies. For the one caller who has the right to it.
    fn poll_in_place(&self, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.with_mut(|slot| {
            // SAFETY: the caller is alone here. The future never moves: the cell stays where
            // it was allocated, and the slot is only ever overwritten by dropping it in place.
            match unsafe { (*slot).as_mut().map(|future| Pin::new_unchecked(future)) } {
                Some(future) => future.poll(cx),
                None => Poll::Pending, // ended; nobody polls again
            }
        })
    }

    /// Drops the future in place. For the one caller who has the right to it.
    fn drop_future(&self) {
        // SAFETY: as in `poll_in_place`; assigning `None` drops in place.
        let drop_in_place = || self.future.with_mut(|slot| unsafe { *slot = None });
        panic_capture::contain_panic(drop_in_place);
    }

    fn complete(&self, outcome: Result<F::Output, TaskError>) {
        self.drop_future();
        self.shared.complete(outcome);
    }

    /// Claims the task for the first time; `false` if somebody else did, or it was too late.
    fn begin(&self, runner: Runner) -> bool {
        let header = &self.shared.header;
        if !header.claim_for(runner) {
            return false;
        }
        if is_late(header) {
            self.complete(Err(timed_out_in_queue()));
            return false;
        }
        let until = self.run_deadline();
        // SAFETY: claimed, so alone.
        self.until.with_mut(|slot| unsafe { *slot = until });
        self.future.with(|slot| {
            // SAFETY: as above. The future is only looked at, and stays where it is.
            if let Some(future) = unsafe { &*slot } {
                future.task().set(header);
            }
        });
        true
    }

    fn until(&self) -> Option<Instant> {
        // SAFETY: written once in `begin`, before anybody polls.
        self.until.with(|slot| unsafe { *slot })
    }

    /// One poll with the task's layer around it. For the one who claimed the task.
    fn poll_layered(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, TaskError>> {
        let header = &self.shared.header;
        if header.cancel_requested() {
            return Poll::Ready(Err(cancelled()));
        }
        if self.until().is_some_and(|until| until <= Instant::now()) {
            let message = "the task ran longer than it was allowed to";
            return Poll::Ready(Err(TaskError::new(TaskErrorKind::TimedOut, message)));
        }
        let layer = Layer::new().task(header).source(header).deadline(self.until());
        match panic_capture::catch(|| layer.enter(|| self.poll_in_place(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(error_of(payload, &layer))),
        }
    }
}

// SAFETY: `repr(C)`, and the shared half, which begins with the header, comes first.
unsafe impl<F: Future + Send + 'static> JobCell for FutureCell<F>
where
    F::Output: Send + 'static,
{
    fn run(&self, runner: Runner, before_publish: &mut dyn FnMut()) {
        if !self.begin(runner) {
            return;
        }
        let header = &self.shared.header;
        let layer = Layer::new().task(header).source(header).deadline(self.until());
        let outcome = panic_capture::catch(|| {
            layer.enter(|| {
                manyhands_io::wait_for(&FUTURE_OF_TASK, None, poll_fn(|cx| self.poll_in_place(cx)))
            })
        });
        let outcome = match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(manyhands_wait::TimedOut)) => unreachable!("the wait has no end of its own"),
            Err(payload) => Err(error_of(payload, &layer)),
        };
        self.drop_future();
        if !header.has_callbacks() {
            before_publish();
        }
        self.shared.complete(outcome);
    }

    fn is_future(&self) -> bool {
        true
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let header = &self.shared.header;
        // Read and written by the one job only, as is `is_registered`.
        if !self.polled.load(Ordering::Relaxed) {
            if !self.begin(Runner::Job) {
                // It was cancelled or too late, or a waiter has taken it and runs it elsewhere.
                return Poll::Ready(());
            }
            self.polled.store(true, Ordering::Relaxed);
        }
        let outcome = match self.poll_layered(cx) {
            Poll::Ready(outcome) => outcome,
            // Only one that is not ready at once has to be found by who cancels it. What came before
            // it could be found is seen here.
            Poll::Pending if header.set_runner_waker(cx.waker()) => {
                self.is_registered.store(true, Ordering::Relaxed);
                return Poll::Pending;
            }
            Poll::Pending => Err(cancelled()),
        };
        if self.is_registered.load(Ordering::Relaxed) {
            header.forget_runners();
        }
        self.complete(outcome);
        Poll::Ready(())
    }

    fn abandon(&self) {
        if !self.polled.load(Ordering::Relaxed) {
            if self.shared.header.phase() == Phase::Queued {
                self.fail(dropped_unrun());
            }
        } else if self.shared.header.phase() == Phase::Running {
            let message = "the executor dropped the task's future before its end";
            self.complete(Err(TaskError::new(TaskErrorKind::Lost, message)));
        }
    }

    fn fail(&self, error: TaskError) {
        if self.shared.header.claim() {
            self.complete(Err(error));
        }
    }

    /// A future does not leave its process, but it may be lost while somebody waits for it. It stays
    /// where it is then: whoever is suspended has borrowed it.
    fn fail_dispatched(&self, error: TaskError) {
        self.shared.complete(Err(error));
    }

    fn tell_without_outcome(&self, error: TaskError) {
        self.shared.tell_without_outcome(error);
    }
}

// SAFETY: `repr(C)`, and the shared half comes first.
unsafe impl<F: Future + Send + 'static> TaskCell<F::Output> for FutureCell<F> where
    F::Output: Send + 'static
{
}
