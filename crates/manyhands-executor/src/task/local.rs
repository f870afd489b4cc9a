//! The allocation behind a job that never leaves its thread, and its task: neither the closure nor
//! its result needs to be `Send`.
//!
//! The `Task` stays on the thread by its type; handles, callbacks, wakers and the job itself may
//! travel. So everything here that reaches the closure or the result asks first on which thread it
//! is. Elsewhere a task that has not begun can still be ended with an error; its closure stays
//! behind until the job comes to be run or dropped at home. What is dropped elsewhere is leaked.

use std::mem::ManuallyDrop;
use std::sync::atomic::AtomicU64;

use manyhands_wait::Layer;

use crate::error::{TaskError, TaskErrorKind};
use crate::options::TaskOptions;
use crate::panic_capture;
use crate::primitive::{Ordering, UnsafeCell, local};
use crate::task::cell::{
    JobCell, TaskCell, drop_quietly, dropped_unrun, error_of, is_late, timed_out_in_queue,
};
use crate::task::header::{Phase, Runner};
use crate::task::outcome::{Outcome, Shared};

local! {
    static THREAD: std::cell::Cell<u64> = std::cell::Cell::new(0);
}

/// The number of this thread; no other thread has or had it.
#[inline]
fn this_thread() -> u64 {
    match THREAD.with(std::cell::Cell::get) {
        0 => number_this_thread(),
        number => number,
    }
}

#[cold]
fn number_this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    THREAD.with(|thread| thread.set(number));
    number
}

/// A closure and its outcome, both of one thread.
#[repr(C)]
pub(crate) struct LocalCell<R, F> {
    shared: Shared<R>,
    thread: u64,
    work: UnsafeCell<ManuallyDrop<Option<F>>>,
}

// SAFETY: `work` and the outcome in `shared` are the only parts that are not `Sync` by themselves.
// `work` is reached only on the thread that made the cell: every path to it asks. An outcome with an
// `R` in it is written by `run`, so on that thread, and read there for callbacks; an outcome without
// one, an error, is `Send`. Afterwards it is read or taken by the holder of the `Task<R>`, which is
// neither `Send` nor `Sync` if `R` is not. `drop` leaks both on another thread.
unsafe impl<R, F> Sync for LocalCell<R, F> {}
// SAFETY: as above; a cell that is dropped on another thread leaks what is not `Send`.
unsafe impl<R, F> Send for LocalCell<R, F> {}

impl<R: 'static, F: FnOnce() -> R + 'static> LocalCell<R, F> {
    #[inline(always)]
    pub(crate) fn new(options: TaskOptions, f: F) -> LocalCell<R, F> {
        LocalCell {
            thread: this_thread(),
            shared: Shared::new(options),
            work: UnsafeCell::new(ManuallyDrop::new(Some(f))),
        }
    }

    fn is_at_home(&self) -> bool {
        self.thread == this_thread()
    }

    /// The closure, if it is still there. For callers at home.
    fn take_work(&self) -> Option<F> {
        // SAFETY: callers are on the one thread that ever touches the work, and nothing foreign runs
        // while it is taken out.
        self.work.with_mut(|slot| unsafe { (*slot).take() })
    }

    /// Drops the closure of a task that has ended without it; leaves it where it is elsewhere.
    fn drop_work(&self) {
        if self.is_at_home()
            && let Some(f) = self.take_work()
        {
            drop_quietly(f);
        }
    }

    fn execute(&self, f: F) -> Outcome<R> {
        let header = &self.shared.header;
        let deadline = header.options().and_then(|options| options.run_deadline());
        let layer = Layer::new().task(header).source(header).deadline(deadline);
        panic_capture::catch(|| layer.enter(f)).map_err(|payload| error_of(payload, &layer))
    }
}

// SAFETY: `repr(C)`, and the shared half, which begins with the header, comes first.
unsafe impl<R: 'static, F: FnOnce() -> R + 'static> JobCell for LocalCell<R, F> {
    fn run(&self, runner: Runner, before_publish: &mut dyn FnMut()) {
        if !self.is_at_home() {
            let message = "the task belongs to one thread, and its job was run on another";
            return self.fail(TaskError::new(TaskErrorKind::Lost, message));
        }
        if !self.shared.header.claim_for(runner) {
            self.drop_work();
            return;
        }
        let outcome = match self.take_work() {
            Some(f) if is_late(&self.shared.header) => {
                drop_quietly(f);
                Err(timed_out_in_queue())
            }
            Some(f) => self.execute(f),
            None => return,
        };
        if !self.shared.header.has_callbacks() {
            before_publish();
        }
        self.shared.complete(outcome);
    }

    fn fail(&self, error: TaskError) {
        if self.shared.header.claim() {
            self.drop_work();
            self.shared.complete(Err(error));
        }
    }

    fn abandon(&self) {
        if self.shared.header.phase() == Phase::Queued {
            self.fail(dropped_unrun());
        }
        self.drop_work();
    }

    fn fail_dispatched(&self, error: TaskError) {
        self.shared.complete(Err(error));
    }

    fn tell_without_outcome(&self, error: TaskError) {
        self.shared.tell_without_outcome(error);
    }
}

// SAFETY: `repr(C)`, and the shared half comes first.
unsafe impl<R: 'static, F: FnOnce() -> R + 'static> TaskCell<R> for LocalCell<R, F> {}

impl<R, F> Drop for LocalCell<R, F> {
    fn drop(&mut self) {
        if self.thread != this_thread() {
            // Neither the closure, if it is still there, nor the value may be dropped here.
            self.shared.leak_value();
            return;
        }
        // SAFETY: dropped once, here, by whoever has the cell for himself.
        self.work.with_mut(|work| unsafe { ManuallyDrop::drop(&mut *work) });
    }
}
