//! Who holds the permits of a semaphore: for its state, and for the wait-for graph.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use manyhands_wait::{Agent, Blockers, Place, Resource};

use crate::manager::answer::Ticket;
use crate::manager::objects::graph::Party;
use crate::manager::objects::lock::LockUser;

/// With more holders none is named: looking at all of them would cost every wait more than the wait.
const HOLDERS_MAX: usize = 64;

/// Behind a short lock, because walks along the graph come by while the state is in use.
pub(super) struct Ledger(Mutex<Inside>);

pub(super) struct Inside {
    pub(super) permits: usize,
    pub(super) available: usize,
    last_token: u64,
    pub(super) holders: Vec<Holding>,
}

pub(super) struct Holding {
    pub(super) token: u64,
    pub(super) ticket: Ticket,
    /// Who alone can give it back; `None` if that is not known.
    pub(super) party: Option<Party>,
    who: LockUser,
}

impl Ledger {
    pub(super) fn new(permits: usize) -> Ledger {
        let inside = Inside { permits, available: permits, last_token: 0, holders: Vec::new() };
        Ledger(Mutex::new(inside))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// Takes a permit, of which there is one.
    pub(super) fn grant(&mut self, ticket: Ticket, party: Option<Party>, who: LockUser) -> u64 {
        self.last_token += 1;
        self.available -= 1;
        self.holders.push(Holding { token: self.last_token, ticket, party, who });
        self.last_token
    }

    /// Permits that were taken for good: anybody may give them back.
    pub(super) fn forgotten(&self) -> usize {
        self.permits - self.available - self.holders.len()
    }
}

/// A permit, as something that one request waits for.
pub(super) struct PermitEdge {
    pub(super) ledger: Arc<Ledger>,
    pub(super) name: Option<String>,
    pub(super) ticket: Ticket,
}

impl Resource for PermitEdge {
    /// One of those who hold the permits has to go on, wherever the waiter is in the line: while anybody
    /// waits there is none, and none comes but from them. Unless one was taken for good, or is with
    /// somebody who may hand it to others.
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        let inside = self.ledger.lock();
        let is_granted = inside.holders.iter().any(|holding| holding.ticket == self.ticket);
        let is_open = inside.available > 0 || inside.forgotten() > 0;
        if is_granted || is_open || inside.holders.len() > HOLDERS_MAX {
            return blockers.may_end();
        }
        for holding in &inside.holders {
            match holding.party.as_ref().map(Party::agent) {
                Some(agent) if agent.is_alive() => blockers.any_of(agent),
                Some(agent) => blockers.ended(agent),
                None => return blockers.may_end(),
            }
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "managed semaphore '{name}'"),
            None => f.write_str("managed semaphore"),
        }
    }

    fn held_at(&self, holder: Agent) -> Option<Place> {
        let inside = self.ledger.lock();
        let is_his = |holding: &&Holding| {
            holding.party.as_ref().is_some_and(|party| party.agent() == holder)
        };
        inside.holders.iter().find(is_his).map(|holding| holding.who.place())
    }
}
