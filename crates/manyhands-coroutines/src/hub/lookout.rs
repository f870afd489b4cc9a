//! Those who wait for the hub itself: until it has nothing to do, or until it has made a turn.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// Something of the hub that is waited for, and how often it has happened.
#[derive(Default)]
pub(super) struct Lookout {
    times: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl Lookout {
    pub(super) fn is_watched(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// It has happened.
    pub(super) fn happened(&self) {
        if self.is_watched() {
            self.times.set(self.times.get() + 1);
            let waiting = self.waiting.take();
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Ready when it has happened since the first call with this `since`, which begins as `None`.
    ///
    /// Whoever stops polling leaves its waker here, to be woken once more for nothing.
    pub(super) fn poll(&self, since: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        let now = self.times.get();
        if *since.get_or_insert(now) != now {
            return Poll::Ready(());
        }
        self.waiting.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    }
}
