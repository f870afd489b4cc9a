//! Which executor this thread works for, so that a worker that waits for a task still queued in its
//! own executor runs that task itself.
//!
//! Only the awaited task, never an unrelated one: running something else on top of a stack that may
//! hold a lock can deadlock with what is below it. Nested waits make it "or its descendants": the
//! awaited task, running here, helps with its own children in the same way.

use std::cell::Cell;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};

use manyhands_wait::{check_cancelled, wake_on_cancel};

use crate::primitive::local;
use crate::task::{Headed, JobCell, Phase, Runner, TaskHandle, Waiter};

/// The identity of an executor whose workers may run their own tasks while they wait for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home(NonZeroU32);

/// Begins the task that is awaited, if it can.
type Start = fn(&Awaited) -> bool;

/// A task of a scheduler's home that has not begun, and that one of its contexts waits for.
#[derive(Debug)]
pub struct Awaited {
    id: u64,
    waiter: Waiter,
    /// The wait is on this thread.
    not_send: PhantomData<*const ()>,
}

impl Awaited {
    /// The task's number.
    #[inline]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether the wait owns the one [`Task`](crate::Task).
    pub(crate) fn is_owned(&self) -> bool {
        self.waiter == Waiter::Owner
    }
}

local! {
    static WORKS_FOR: Cell<u32> = Cell::new(0);
    static STARTER: Cell<Option<Start>> = Cell::new(None);
}

impl Home {
    /// A new identity, different from the last four billion of this process.
    pub fn create() -> Home {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Home(NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX))
    }

    /// Runs `f` as a worker of this executor.
    pub fn work<R>(self, f: impl FnOnce() -> R) -> R {
        work_for(self.0.get(), None, f)
    }

    /// Runs `f` as a scheduler of contexts of its own, on a thread that may be somebody's worker.
    /// When one of them waits for a task of this home that has not begun, `start` is called with
    /// it: it may begin the task at once, in a context of its own, and says whether it
    /// did. Then the wait finds the task done, or goes on.
    pub fn schedule<R>(self, start: fn(&Awaited) -> bool, f: impl FnOnce() -> R) -> R {
        work_for(self.0.get(), Some(start), f)
    }

    /// Whether this thread is one of this executor's workers.
    pub fn is_here(self) -> bool {
        WORKS_FOR.with(Cell::get) == self.0.get()
    }

    pub(crate) fn number(self) -> u32 {
        self.0.get()
    }
}

fn work_for<R>(number: u32, start: Option<Start>, f: impl FnOnce() -> R) -> R {
    struct Leave(u32, Option<Start>);
    impl Drop for Leave {
        fn drop(&mut self) {
            WORKS_FOR.with(|home| home.set(self.0));
            STARTER.with(|starter| starter.set(self.1));
        }
    }
    let home = WORKS_FOR.with(|home| home.replace(number));
    let _leave = Leave(home, STARTER.with(|starter| starter.replace(start)));
    f()
}

/// Whether this thread is a worker of any executor.
pub(crate) fn is_worker() -> bool {
    WORKS_FOR.with(Cell::get) != 0
}

/// Runs the task here if it is queued with the executor that this thread works for. Returns whether
/// it was.
#[inline]
pub(crate) fn help(cell: &dyn JobCell, waiter: Waiter) -> bool {
    if !is_queued_here(cell) {
        return false;
    }
    match STARTER.with(Cell::get) {
        Some(start) => start(&Awaited { id: cell.header().id(), waiter, not_send: PhantomData }),
        None => {
            cell.run(Runner::Waiter, &mut || {});
            true
        }
    }
}

/// Like [`help`], with a task that nobody else has a part in: while it runs here, a cancellation of
/// the code around this call, which waits for it, cancels it too. That code is then unwound here.
pub(crate) fn help_own(task: &TaskHandle) -> bool {
    struct Cancel(TaskHandle);
    impl Wake for Cancel {
        fn wake(self: Arc<Self>) {
            self.0.cancel();
        }
    }
    if !is_queued_here(task.cell()) || STARTER.with(Cell::get).is_some() {
        return false;
    }
    let _cancelled_too = wake_on_cancel(&Waker::from(Arc::new(Cancel(task.clone()))));
    task.cell().run(Runner::Waiter, &mut || {});
    check_cancelled();
    true
}

#[inline]
fn is_queued_here(cell: &dyn JobCell) -> bool {
    let header = cell.header();
    let home = header.home();
    home != 0 && home == WORKS_FOR.with(Cell::get) && header.phase() == Phase::Queued
}
