//! A lock as the wait-for graph sees it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use manyhands_wait::{Agent, Blockers, Place, Resource};

use super::situation::LockUser;
use crate::manager::answer::Ticket;

/// Who holds a lock, as the graph sees it.
#[derive(Default)]
pub(super) struct Mirror(Mutex<Option<Holder>>);

pub(super) struct Holder {
    pub(super) ticket: Ticket,
    /// Whose going on alone can release the lock; `None` if that is not known.
    pub(super) agent: Option<Agent>,
    /// Who that is, and where it has taken the lock.
    pub(super) who: LockUser,
}

impl Mirror {
    pub(super) fn set(&self, holder: Option<Holder>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = holder;
    }

    fn with_holder<R>(&self, f: impl FnOnce(Option<&Holder>) -> R) -> R {
        f(self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
    }
}

/// A managed lock, as something that one request waits for.
pub(super) struct LockEdge {
    pub(super) mirror: Arc<Mirror>,
    pub(super) name: Option<String>,
    pub(super) ticket: Ticket,
}

impl Resource for LockEdge {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        // Granted to the waiter itself, the answer is on its way.
        self.mirror.with_holder(|holder| match holder {
            Some(Holder { ticket, agent: Some(agent), .. }) if *ticket != self.ticket => {
                blockers.any_of(*agent);
            }
            _ => blockers.may_end(),
        });
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "managed lock '{name}'"),
            None => f.write_str("managed lock"),
        }
    }

    fn held_at(&self, holder: Agent) -> Option<Place> {
        self.mirror.with_holder(|held| {
            held.filter(|held| held.agent == Some(holder)).map(|held| held.who.place())
        })
    }
}
