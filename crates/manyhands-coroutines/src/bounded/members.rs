//! The coroutines that have the places of a pool, and those places as the wait-for graph sees them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use manyhands_executor::TaskHandle;
use manyhands_wait::{Agent, Blockers, Resource};
use tokio::sync::Semaphore;

/// By the number of the place that each has. Changed on the pool's thread; walks along the wait-for
/// graph look at it from others.
#[derive(Default)]
pub(super) struct Members(Mutex<HashMap<u64, TaskHandle>>);

impl Members {
    pub(super) fn insert(&self, key: u64, member: TaskHandle) {
        self.lock().insert(key, member);
    }

    pub(super) fn remove(&self, key: u64) {
        let member = self.lock().remove(&key);
        drop(member); // perhaps with its result, whose destructor is the program's
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.lock().contains_key(&key)
    }

    /// One that `wanted` says yes to.
    pub(super) fn find(&self, wanted: impl Fn(&TaskHandle) -> bool) -> Option<(u64, TaskHandle)> {
        let members = self.lock();
        let found = members.iter().find(|(_, member)| wanted(member));
        found.map(|(key, member)| (*key, member.clone()))
    }

    /// All that `wanted` says yes to.
    pub(super) fn all_where(&self, wanted: impl Fn(&TaskHandle) -> bool) -> Vec<TaskHandle> {
        self.lock().values().filter(|member| wanted(member)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, TaskHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A free place in a pool, as something to wait for: one of its members has to end.
pub(super) struct PlaceEdge<'a> {
    pub(super) members: &'a Members,
    pub(super) places: &'a Semaphore,
    pub(super) limit: Option<usize>,
}

impl Resource for PlaceEdge<'_> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        let members = self.members.lock();
        // A member leaves before its place is free; and who has a place and is no member yet runs.
        if self.places.available_permits() > 0 || self.limit != Some(members.len()) {
            return blockers.may_end();
        }
        for member in members.values() {
            member.blockers(blockers);
            if blockers.is_settled() {
                return;
            }
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("free place in a pool of coroutines")
    }
}
