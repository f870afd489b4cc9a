//! A wait for a mutex in the wait-for graph.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use manyhands_wait::{Agent, Blockers, Resource};

use super::core::Core;
use super::hold::Hold;
use super::raw::RawMutex;
use crate::owner::Owner;

/// What a wait for the lock asks: the word, wherever it lies.
fn tell_blockers(hold: &Hold, waiter: Agent, held_before: bool, blockers: &mut Blockers) {
    match Owner::of_word(hold.word()).map(Owner::agent) {
        // Free, or held by somebody who is not known.
        None | Some(None) => blockers.may_end(),
        // It was handed over, or taken in the wait itself.
        Some(Some(holder)) if holder == waiter && !held_before => blockers.may_end(),
        Some(Some(holder)) if holder.is_alive() => blockers.any_of(holder),
        Some(Some(holder)) => blockers.ended(holder),
    }
}

/// Where `holder` took it.
fn held_since(hold: &Hold, holder: Agent) -> Option<&'static Location<'static>> {
    let is_holder = Owner::of_word(hold.word()) == Some(Owner::of(holder));
    is_holder.then(|| hold.taken_at()).flatten()
}

/// What a thread or coroutine waits for, for as long as its wait borrows the mutex.
pub(super) struct BlockingEdge<'a> {
    pub(super) raw: &'a RawMutex,
    pub(super) core: &'a Core,
    /// As whom the lock is waited for: the waiter, or a task that is polled on its stack.
    pub(super) owner: Owner,
    /// Whether the waiter holds the lock already.
    pub(super) held_before: bool,
}

impl Resource for BlockingEdge<'_> {
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers) {
        let waiter = self.owner.agent().unwrap_or(waiter);
        tell_blockers(self.raw.hold(self.core), waiter, self.held_before, blockers);
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.describe(f)
    }

    fn held_since(&self, holder: Agent) -> Option<&'static Location<'static>> {
        held_since(self.raw.hold(self.core), holder)
    }
}

/// What an async task waits for. The word has been moved to the core.
pub(super) struct AsyncEdge {
    pub(super) core: Arc<Core>,
    /// Whether the waiter holds the lock already.
    pub(super) held_before: bool,
}

impl Resource for AsyncEdge {
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers) {
        tell_blockers(&self.core.hold, waiter, self.held_before, blockers);
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.describe(f)
    }

    fn held_since(&self, holder: Agent) -> Option<&'static Location<'static>> {
        held_since(&self.core.hold, holder)
    }

    fn id(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.core).addr())
    }
}
