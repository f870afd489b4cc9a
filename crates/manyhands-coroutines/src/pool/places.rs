//! The bound on the jobs of a pool that are under way: who has the places, as the hubs take them and as
//! the wait-for graph sees them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use manyhands_executor::{Job, TaskHandle};
use manyhands_wait::Blockers;

/// So many jobs may be under way at a time.
pub(super) struct Places {
    limit: usize,
    relief_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Places beyond the limit, granted because all others were proven to wait for queued jobs.
    relief: usize,
    holders: HashMap<u64, TaskHandle>,
}

impl Places {
    pub(super) fn new(limit: usize, relief_max: usize) -> Places {
        Places { limit, relief_max, state: Mutex::default() }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether a job could be begun now.
    pub(super) fn has_room(&self) -> bool {
        self.room_in(&self.lock()) > 0
    }

    /// Gives a place to the job that `pop` takes out of the queue, if there are both.
    pub(super) fn take(&self, pop: impl FnOnce() -> Option<Job>) -> Option<Job> {
        let mut state = self.lock();
        if self.room_in(&state) == 0 {
            return None;
        }
        let job = pop()?;
        // A job that is over needs no place.
        if let Some(task) = job.task() {
            state.holders.insert(task.id(), task);
        }
        Some(job)
    }

    /// Takes the place of the task of this number back, if it has one. `true` if another job may be
    /// begun now.
    ///
    /// `has_jobs` says whether any are queued.
    pub(super) fn give_back(&self, task: u64, has_jobs: impl FnOnce() -> bool) -> bool {
        let mut state = self.lock();
        let Some(ended) = state.holders.remove(&task) else { return false };
        // Where all that are left wait, they may wait for queued jobs, and none of them would find
        // out: so the place is kept for these.
        if state.holders.is_empty() {
            state.relief = 0;
        } else if state.relief > 0
            && !(has_jobs() && state.holders.values().all(TaskHandle::is_stopped))
        {
            state.relief -= 1;
        }
        let has_room = self.room_in(&state) > 0;
        drop(state);
        drop(ended); // perhaps with what the task has returned, whose destructor is the program's
        has_room
    }

    /// Grants one more place, because all that have one wait for queued jobs.
    pub(super) fn relieve(&self) -> bool {
        let mut state = self.lock();
        let granted = state.relief < self.relief_max;
        state.relief += usize::from(granted);
        granted
    }

    /// Names whom a queued job waits for.
    pub(super) fn blockers(&self, blockers: &mut Blockers) {
        let state = self.lock();
        if self.room_in(&state) > 0 {
            return blockers.may_end();
        }
        for holder in state.holders.values() {
            holder.blockers(blockers);
            if blockers.is_settled() {
                return;
            }
        }
    }

    fn room_in(&self, state: &State) -> usize {
        self.limit.saturating_add(state.relief).saturating_sub(state.holders.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use manyhands_executor::{Task, TaskOptions};

    use super::*;

    fn job() -> (Task<()>, Job) {
        Job::of(TaskOptions::new(), || ())
    }

    #[test]
    fn places_beyond_the_limit_are_gone_when_nobody_has_one() {
        let places = Places::new(1, 4);
        let [first, second, third] = [job(), job(), job()];
        let taken = places.take(|| Some(first.1)).unwrap();
        assert!(places.relieve() && places.relieve());
        // What was to be begun beyond the limit was begun by somebody else.
        assert!(places.give_back(taken.id().unwrap(), || true));
        let taken = places.take(|| Some(second.1)).unwrap();
        assert!(places.take(|| Some(third.1)).is_none());
        drop(taken);
    }
}
