//! The workers as the wait-for graph sees them: whom those wait for whose jobs are queued, and one more
//! worker if all of them wait for what is queued.
//!
//! A worker that waits for a queued task of its own pool runs that itself. So what is left are circles
//! through others: the only worker of a pool waits for a task of a second one, and that for a task which
//! is queued in the first. Nothing but one more worker for one of the two can end that, and nobody but
//! the graph can tell it from two pools that are busy.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use manyhands_executor::{TaskHandle, Workforce};
use manyhands_wait::{Agent, Blockers, Relief, Spin};

use super::shared::{Shared, Slot};
use super::worker;

impl Workforce for Shared {
    fn blockers(&self, blockers: &mut Blockers) {
        let roster = self.roster();
        if self.broken.get().is_some() || roster.slots.len() < self.allowed() {
            return blockers.may_end();
        }
        for slot in &roster.slots {
            // Mostly one of them works, and the others need not be named.
            match slot.agent.get() {
                Some(agent) if agent.is_waiting() => blockers.any_of(*agent),
                _ => return blockers.may_end(),
            }
        }
    }

    fn relieve(&self, awaited: Option<&TaskHandle>) -> Option<Relief> {
        let shared = self.this.upgrade()?;
        let mut roster = self.roster();
        if self.relief.load(Ordering::Relaxed) >= self.relief_max || self.broken.get().is_some() {
            return None;
        }
        self.relief.fetch_add(1, Ordering::SeqCst);
        let started = worker::start(&shared, &mut roster, awaited.cloned());
        if !started {
            self.relief.fetch_sub(1, Ordering::SeqCst);
        }
        started.then(Relief::done)
    }
}

impl Shared {
    /// Ends the relief by one worker, this one, which has no job, if the others can do without it.
    pub(super) fn end_relief(&self, slot: &Arc<Slot>) -> bool {
        if self.relief.load(Ordering::Relaxed) == 0 {
            return false;
        }
        // Whoever waits for what was just done needs a moment to go on.
        Spin::start().until(|| self.can_spare(&self.roster(), slot));
        let mut roster = self.roster();
        if self.relief.load(Ordering::Relaxed) == 0 || !self.can_spare(&roster, slot) {
            return false;
        }
        self.relief.fetch_sub(1, Ordering::SeqCst);
        self.strike(&mut roster, slot);
        true
    }

    /// Whom somebody waits for who waits until all workers have ended.
    pub(super) fn blockers_of_end(&self, blockers: &mut Blockers) {
        let agents: Vec<Agent> =
            self.roster().slots.iter().filter_map(|slot| slot.agent.get().copied()).collect();
        match agents[..] {
            [] => blockers.may_end(),
            _ => agents.into_iter().for_each(|agent| blockers.all_of(agent)),
        }
    }
}
