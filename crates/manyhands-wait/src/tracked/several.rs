//! Several waits of one task at a time, in a `join!` or a `select!`, as one thing to wait for.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::agent::Agent;
use crate::place::Place;
use crate::relief::{Relief, Stuck};
use crate::resource::{Blockers, Resource};

/// Of so many waits at a time something can be proven.
pub(super) const SEVERAL_MAX: usize = 8;

/// So many conditions are told; with more the wait may end.
const CONDITIONS_MAX: usize = 64;

/// What a task awaits at the same time. Whether it needs one or all of them is not known, and need not be:
/// it is polled as soon as one comes, and goes on then at least so far as to wait for the others. So it is
/// stuck only if it is stuck with each.
pub(super) struct Several(Vec<Arc<dyn Resource>>);

impl Several {
    /// `None` if they cannot be told apart, or are too many: a resource that has granted one of two waits of a
    /// task must not be asked for the other one in its place.
    pub(super) fn of(resources: Vec<Arc<dyn Resource>>) -> Option<Several> {
        let mut ids: Vec<usize> = resources.iter().filter_map(|it| it.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        let are_known = ids.len() == resources.len() && resources.len() <= SEVERAL_MAX;
        are_known.then_some(Several(resources))
    }
}

impl Resource for Several {
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers) {
        // Stuck with each is: for each a condition that nobody meets. Every choice of one condition from each
        // is a condition of the whole, met by whoever meets any of these.
        let mut choices: Vec<Vec<Agent>> = vec![Vec::new()];
        for resource in &self.0 {
            let mut own = Blockers::new();
            resource.blockers(waiter, &mut own);
            own.close();
            if let Some(gone) = own.gone().filter(|_| own.is_open()) {
                return blockers.ended(gone);
            }
            let conditions: Vec<Vec<Agent>> = own.conditions().map(Iterator::collect).collect();
            if own.is_open() || choices.len() * conditions.len() > CONDITIONS_MAX {
                return blockers.may_end();
            }
            let with = |choice: &Vec<Agent>| {
                let choice = choice.clone();
                conditions.clone().into_iter().map(move |it| [choice.clone(), it].concat())
            };
            choices = choices.iter().flat_map(with).collect();
        }
        for choice in choices {
            blockers.also(|condition| choice.into_iter().for_each(|agent| condition.any_of(agent)));
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, resource) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" or ")?;
            }
            resource.describe(f)?;
        }
        Ok(())
    }

    fn held_since(&self, holder: Agent) -> Option<&'static Location<'static>> {
        self.0.iter().find_map(|resource| resource.held_since(holder))
    }

    fn held_at(&self, holder: Agent) -> Option<Place> {
        self.0.iter().find_map(|resource| resource.held_at(holder))
    }

    fn is_from_outside(&self) -> bool {
        self.0.iter().any(|resource| resource.is_from_outside())
    }

    fn relieve(&self, stuck: &Stuck<'_>) -> Option<Relief> {
        self.0.iter().find_map(|resource| resource.relieve(stuck))
    }
}
