//! A queue of "this one has ended", fed by tasks and read by whoever waits for several of them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use manyhands_wait::{Reason, Resource, Wait, WaitError};

use crate::primitive::{Mutex, MutexGuard, lock};

/// Keys of tasks in the order in which they ended. One reader.
pub(crate) struct Completions {
    state: Mutex<State>,
}

struct State {
    ended: VecDeque<usize>,
    reader: Option<Waker>,
}

impl Completions {
    pub(crate) fn new() -> Completions {
        Completions { state: Mutex::new(State { ended: VecDeque::new(), reader: None }) }
    }

    pub(crate) fn push(&self, key: usize) {
        let mut state = self.lock();
        state.ended.push_back(key);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub(crate) fn try_pop(&self) -> Option<usize> {
        self.lock().ended.pop_front()
    }

    /// Waits for the next key, which comes from those that `edge` names.
    #[track_caller]
    pub(crate) fn pop(
        &self,
        reason: &'static Reason,
        edge: &dyn Resource,
        until: Option<Instant>,
    ) -> Result<usize, WaitError> {
        if let Some(key) = self.try_pop() {
            return Ok(key);
        }
        Wait::new(reason).on(edge).until(until).run_checked(poll_fn(|cx| self.poll_pop(cx)))
    }

    /// Whether nobody has ended whose key was not taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().ended.is_empty()
    }

    pub(crate) fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.lock();
        match state.ended.pop_front() {
            Some(key) => Poll::Ready(key),
            None => {
                let before = state.reader.replace(cx.waker().clone());
                drop(state);
                drop(before);
                Poll::Pending
            }
        }
    }

    /// The reader does not wait any more.
    pub(crate) fn forget_reader(&self) {
        let reader = self.lock().reader.take();
        drop(reader);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
