//! How what is waited for may break a deadlock by itself.

use std::collections::HashSet;
use std::fmt;

use crate::agent::Agent;
use crate::resource::Blockers;

/// Those of whom a deadlock was proven, as a [`Resource`](crate::Resource) sees them that is asked to
/// [relieve](crate::Resource::relieve) them.
pub struct Stuck<'a> {
    members: &'a HashSet<Agent>,
}

impl<'a> Stuck<'a> {
    pub(crate) fn new(members: &'a HashSet<Agent>) -> Stuck<'a> {
        Stuck { members }
    }

    /// Whether nobody but them could fulfil what `ask` says: one of its conditions, if it says several. A
    /// resource with several conditions relieves one for which this is so, and leaves the others.
    pub fn is_met_by_nobody_else(&self, ask: impl FnOnce(&mut Blockers)) -> bool {
        let mut blockers = Blockers::new();
        ask(&mut blockers);
        blockers.close();
        let mut conditions = blockers.conditions();
        conditions.any(|mut condition| condition.all(|agent| self.members.contains(&agent)))
    }
}

impl fmt::Debug for Stuck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members).finish()
    }
}

/// What a [`Resource`](crate::Resource) does to break a deadlock. That it will is settled; what runs code of
/// others, or takes long, is done when no lock of the graph is held.
#[must_use = "it is not done before it is carried out"]
pub struct Relief(Option<Box<dyn FnOnce() + Send>>);

impl Relief {
    /// It is done already.
    pub fn done() -> Relief {
        Relief(None)
    }

    /// `then` is still to be done.
    pub fn by(then: impl FnOnce() + Send + 'static) -> Relief {
        Relief(Some(Box::new(then)))
    }

    pub(crate) fn carry_out(self) {
        if let Some(then) = self.0 {
            then();
        }
    }
}

impl fmt::Debug for Relief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Relief")
            .field(&if self.0.is_some() { "to be done" } else { "done" })
            .finish()
    }
}
