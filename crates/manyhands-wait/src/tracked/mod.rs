//! Async tasks in the wait-for graph: a wrapper around the task's future that knows when nothing but
//! one thing can wake it.
//!
//! A task is woken through its waker and through nothing else. So each task has a waker of its own,
//! counted: if after a poll there is exactly one clone of it, and that belongs to a [`Leaf`] of a
//! primitive that the graph knows, then the task waits for that primitive alone, and its wait is
//! published. Of several leaves, in a `join!` or a `select!`, there are as many clones, and the task is stuck
//! only if it is with each. With a timer or a foreign channel beside it there is a clone more, and nothing
//! is said.

mod leaf;
mod several;
mod state;
mod waker;

use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use crate::fixed::Fixed;
use crate::identity::in_poll_of;
use crate::layer::{LayerTask, TaskLabel, current_deadline};
use crate::publication::{CancelledBy, Edge, Publication};
use crate::walk::look_for_deadlock;
use waker::{FirstWaker, OwnWaker};

pub use leaf::Leaf;
pub(crate) use state::TrackedState;

/// Makes `future`, which must be the whole of an async task, known to the wait-for graph: what it waits
/// for by `.await`, and what it holds meanwhile.
///
/// What is put around the tracked future is not seen: inside of a timeout, or beside another branch of a
/// `select!`, a wait that would have ended could be called a deadlock. So wrap what you give to a
/// runtime's `spawn` or `block_on`, and nothing smaller. A [deadline](crate::Layer::deadline) that is in
/// force around its polls is seen: such a wait is never called a deadlock.
///
/// It costs an allocation when its waker is first cloned, and another one and a place in the table of contexts if the task
/// holds or waits for something that the graph knows.
///
/// ```
/// let task = manyhands_wait::tracked(async { 6 * 7 });
/// assert_eq!(manyhands_wait::wait(task), 42);
/// ```
pub fn tracked<F: Future>(future: F) -> Tracked<F> {
    tracked_for(Nobody, future)
}

/// Like [`tracked`], for a task that is to be told when it waits and as whom
/// ([`LayerTask::set_waiting`]), and that is named by its label.
pub fn tracked_for<F: Future, T: LayerTask + Sync>(task: T, future: F) -> Tracked<F, T> {
    let (shown, state, waker) = (None, TrackedState::new(), OnceLock::new());
    Tracked { shown, future: ManuallyDrop::new(future), state, waker, task }
}

/// Nobody is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl LayerTask for Nobody {
    fn label(&self) -> TaskLabel {
        TaskLabel { id: 0, name: None }
    }
}

/// The future of [`tracked`].
#[must_use = "a future does nothing until it is waited for"]
pub struct Tracked<F, T: LayerTask = Nobody> {
    /// What is shown since the last poll, in the slot of `state`.
    shown: Option<Fixed<Publication>>,
    /// Dropped before `state`, in a frame of its own: the task has not ended while the guards in its future
    /// are being released, and it is the one that releases them.
    future: ManuallyDrop<F>,
    state: TrackedState,
    /// Empty while nobody has asked for a clone.
    waker: OnceLock<OwnWaker>,
    task: T,
}

impl<F, T: LayerTask> Tracked<F, T> {
    /// Gives the task a name, for dumps and reports.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Tracked<F, T> {
        self.state.set_name(name.into());
        self
    }

    /// The task that is told.
    pub fn task(&self) -> &T {
        &self.task
    }

    /// Takes back what was shown: the task goes on.
    fn go_on(shown: &mut Option<Fixed<Publication>>, state: &TrackedState, task: &T) {
        let Some(publication) = shown.take() else { return };
        let (slot, _) = state.listed(task);
        // SAFETY: it shows nothing from now on.
        unsafe { slot.show(ptr::null()) };
        task.set_waiting(None);
        if let Some(deadlock) = publication.verdict() {
            state.leaves().condemn(deadlock.clone());
        }
    }
}

impl<F: Future, T: LayerTask + Sync> Future for Tracked<F, T> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is pinned with the whole, and nothing moves it: it is reached through the
        // pin below alone. The other fields are not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(&mut *this.future) };
        Self::go_on(&mut this.shown, &this.state, &this.task);
        let is_for = |own: &OwnWaker| own.is_for(cx.waker());
        if this.waker.get().is_some_and(|own| !is_for(own)) {
            let before = this.waker.take().filter(|before| before.clones() > 0);
            before.into_iter().for_each(|before| this.state.leaves().put_aside(before));
        }
        if let Some(mut leaves) = this.state.known_leaves() {
            leaves.begin_poll();
        }
        let (state, task) = (&this.state, &this.task);
        let poll_with = |waker: &Waker| {
            state.begin_poll(waker, task);
            in_poll_of(state, task, || future.poll(&mut Context::from_waker(waker)))
        };
        let poll = match this.waker.get() {
            Some(own) => {
                own.begin_poll();
                poll_with(own.waker())
            }
            None => FirstWaker::new(&this.waker, cx.waker()).with(poll_with),
        };
        if poll.is_pending() {
            let whole_wait = this.state.known_leaves().and_then(|mut leaves| {
                leaves.end_poll();
                leaves.whole_wait()
            });
            let is_known =
                |own: &OwnWaker, leaves| own.has_only_clones_of(leaves) && !own.was_woken();
            if let Some((wait, leaves)) = whole_wait
                && let Some(waker) = this.waker.get().filter(|own| is_known(own, leaves))
            {
                let (slot, agent) = this.state.listed(&this.task);
                let is_provable = current_deadline().is_none();
                let publication = Publication::new(wait.reason, wait.at.into(), None, None);
                // SAFETY: the edge is shared, and the runtime's waker stays where it is for as long as
                // our own, which is put aside after the publication was taken back alone. The task is pinned
                // with us: it stays where it is until we are dropped, and never is if this is forgotten.
                let publication = Fixed::new(unsafe {
                    let edge = Edge::Shared(wait.resource);
                    publication
                        .with_edge(agent, edge, waker.runtime(), is_provable)
                        .cancelled_by(CancelledBy::task(&this.task))
                });
                this.state.has_blocked();
                this.task.set_waiting(Some(agent));
                // SAFETY: it is on the heap, and stays there until `go_on` has taken it back; if this
                // is forgotten, for ever.
                unsafe { slot.show(publication.pointer()) };
                let look_again = look_for_deadlock(&publication);
                let is_condemned = publication.verdict().is_some();
                this.shown = Some(publication);
                if look_again.is_some() || is_condemned {
                    waker.runtime().wake_by_ref();
                }
            }
            if this.shown.is_none() {
                this.state.tell_turn(&this.task);
            }
        }
        poll
    }
}

impl<F, T: LayerTask> Drop for Tracked<F, T> {
    fn drop(&mut self) {
        Self::go_on(&mut self.shown, &self.state, &self.task);
        let Tracked { state, task, future, .. } = self;
        state.end_polls();
        // SAFETY: it is used no more, and is dropped where it was pinned.
        in_poll_of(state, task, || unsafe { ManuallyDrop::drop(future) });
    }
}

impl<F, T: LayerTask> fmt::Debug for Tracked<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").field("waits", &self.shown.is_some()).finish_non_exhaustive()
    }
}
