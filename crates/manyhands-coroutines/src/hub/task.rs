//! The hub as a task of its thread's runtime: its turns, and its end.

use std::future::Future;
use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::task::{Context, Poll};

use manyhands_wait::with_parker;

use super::bodies::Bodies;
use super::{Body, Hub};
use crate::stack;
use crate::watchdog;

/// The hub as a task of its thread's runtime.
pub(super) struct HubTask {
    /// Owned; a raw pointer because the thread-local is another one to it.
    pub(super) hub: NonNull<Hub>,
}

// SAFETY: the runtime is the thread's own (`manyhands_io::own_runtime`): its tasks are polled while
// this thread turns it, and dropped when this thread drops it. So the hub never leaves its thread.
unsafe impl Send for HubTask {}

impl Future for HubTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: owned by this task, and never borrowed mutably.
        let hub = unsafe { self.hub.as_ref() };
        hub.remote.begin(cx.waker());
        hub.in_turn.set(true);
        if let Some(source) = &hub.source {
            source.busy();
        }
        hub.remote.pulse().begin_turn();
        let more = with_parker(hub, || hub.home.schedule(Hub::start_now, || hub.turn()));
        hub.remote.pulse().end_turn();
        hub.in_turn.set(false);
        hub.follow_trims();
        if !more {
            hub.take_census();
        }
        if more {
            // Comes back when tokio has looked for I/O and timers.
            let _pending = pin!(tokio::task::yield_now()).poll(cx);
        } else if hub.source.as_ref().is_some_and(|source| source.is_finished())
            && hub.with_bodies(|bodies| bodies.are_all_spare())
        {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Hub {
    /// Tells who has not ended, if somebody wants to know. Only in idle turns: who is ready will end or
    /// wait, and whoever waits for something that is known looks for itself.
    fn take_census(&self) {
        let started = self.remote.started();
        if let Some(source) = self.source.as_ref().filter(|source| source.wants_census(started)) {
            source.census(started, self.with_bodies(|bodies| bodies.agents()));
        }
    }

    /// Lets go of all bodies without a job, and of the memory of their stacks, if idle stacks are to
    /// give theirs back.
    fn follow_trims(&self) {
        let trims = stack::trims();
        if self.trims.replace(trims) == trims {
            return;
        }
        for body in self.with_bodies(Bodies::take_spares) {
            // SAFETY: spare bodies have no job, and are known to the hub alone.
            unsafe { Body::free(body) };
        }
        stack::trim_here();
    }
}

impl Drop for HubTask {
    fn drop(&mut self) {
        super::OWN.with(|own| own.set(std::ptr::null()));
        // SAFETY: made by `Box::leak`, owned by this task, and now nobody's.
        let hub = unsafe { Box::from_raw(self.hub.as_ptr()) };
        watchdog::forget(&hub.remote);
        // Nobody will run them: their tasks end as lost.
        drop(hub.with_ready(std::mem::take));
        for body in hub.with_bodies(Bodies::take_spares) {
            // SAFETY: spare bodies have no job, and the hub that knew them ends.
            unsafe { Body::free(body) };
        }
        // What is suspended is leaked, stacks and all: unwinding it here could wait, and there is
        // nobody left to turn a reactor. Their tasks end as lost, for those who wait elsewhere.
        for body in hub.with_bodies(Bodies::take_busy) {
            // SAFETY: with the hub's task nobody is left who could resume it.
            unsafe { Body::lose(body) };
        }
    }
}
