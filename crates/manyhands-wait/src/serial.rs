//! Executors that poll one task at a time, as a current-thread runtime does: what their tasks wait for
//! besides what they await is their turn.

use std::fmt;
use std::sync::Arc;

use crate::agent::Agent;
use crate::context::{ContextKind, OwnedSlot};
use crate::identity::in_turn_of;
use crate::primitive::{AtomicBool, Ordering};

/// An executor that polls one of its tasks at a time: a current-thread runtime, on whatever thread that
/// runs at the moment.
///
/// While the poll of one of its tasks blocks its thread, none of the others goes on, whoever wakes them.
/// The wait-for graph knows that of [tracked](crate::tracked()) tasks that are polled in
/// [`poll`](Self::poll): a lock that one of them holds across an `.await` is not released while another
/// one blocks the thread to get it.
///
/// It has an [`Agent`] of its own, which waits for whatever blocks the poll that is under way.
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Waker};
/// use manyhands_wait::{SerialExecutor, tracked};
///
/// let executor = SerialExecutor::new("of an example");
/// let mut task = pin!(tracked(async { 6 * 7 }));
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(executor.poll(|| task.as_mut().poll(&mut cx)).is_ready());
/// # use std::future::Future;
/// ```
pub struct SerialExecutor {
    place: OwnedSlot,
    /// Whether a poll is under way.
    is_polling: AtomicBool,
}

impl SerialExecutor {
    /// An executor of this name that polls nothing yet.
    pub fn new(name: impl Into<Arc<str>>) -> SerialExecutor {
        let place = OwnedSlot::new(ContextKind::AsyncRuntime, Some(name.into()));
        SerialExecutor { place, is_polling: AtomicBool::new(false) }
    }

    /// Who it is in the wait-for graph.
    pub fn agent(&self) -> Agent {
        self.place.get().1
    }

    /// Runs `f`, which polls one task of this executor: a [`Tracked`](crate::Tracked) that is the whole of
    /// it.
    ///
    /// No other task that is polled so may be polled, here or elsewhere, before `f` returns, unless `f`
    /// polls it itself. A task of which one poll was not inside of `poll` counts as one that may be polled
    /// by anybody.
    pub fn poll<R>(&self, f: impl FnOnce() -> R) -> R {
        // Inside of another poll it is that one which has the turn.
        if self.is_polling.swap(true, Ordering::Acquire) {
            return f();
        }
        let _over = Over(self);
        let (slot, agent) = self.place.get();
        in_turn_of(slot, agent, f)
    }

    /// Whether the poll that is under way waits for something, so that no other task is polled.
    pub fn is_blocked(&self) -> bool {
        self.place.get().0.shows_something()
    }
}

struct Over<'a>(&'a SerialExecutor);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_polling.store(false, Ordering::Release);
    }
}

impl fmt::Debug for SerialExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SerialExecutor")
            .field("agent", &self.agent())
            .field("is_blocked", &self.is_blocked())
            .finish()
    }
}
