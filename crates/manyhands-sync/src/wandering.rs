//! Whether the async guards of a lock are dropped by other tasks than have taken it.

use std::fmt;
use std::panic::Location;

use manyhands_wait::Agent;

use crate::owner::Owner;
use crate::primitive::{AtomicBool, Ordering, const_unless_loom};

/// Set once a guard was seen to be dropped by somebody else than the tracked task that had taken it, without
/// having been handed over. From then on the lock's async holders are nobody: a wait for them counts as one that may
/// end.
pub(crate) struct Wandering(AtomicBool);

impl Wandering {
    const_unless_loom! {
        pub(crate) fn new() -> Wandering {
            Wandering(AtomicBool::new(false))
        }
    }

    /// As whom the async task that is polled here takes the lock.
    pub(crate) fn async_owner(&self) -> Owner {
        if self.0.load(Ordering::Relaxed) { Owner::ANONYMOUS } else { Owner::current_async() }
    }

    /// An async guard of `owner` is dropped here. A task may be dropped by anybody, and its guards with it:
    /// that is the task's own doing. Any other thread, coroutine or task is a stranger.
    pub(crate) fn check(
        &self,
        owner: Owner,
        lock: impl fmt::Display,
        made_at: &'static Location<'static>,
    ) {
        let is_stranger = owner.agent().is_some_and(|it| Agent::current_async() != Some(it));
        if is_stranger && !self.0.swap(true, Ordering::Relaxed) {
            eprintln!(
                "manyhands: an async guard of {lock}, made at {made_at}, was dropped elsewhere than \
                 in the task that had taken it. Deadlocks of async tasks that hold this lock are not found from \
                 now on. Call `hand_over` on a guard before giving it away"
            );
        }
    }
}
