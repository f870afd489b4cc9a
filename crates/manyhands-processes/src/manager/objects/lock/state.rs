//! The lock at its owner.

use std::sync::{Arc, Weak};

use manyhands_wait::Resource;
use serde::{Deserialize, Serialize};

use super::LOCK;
use super::edge::{Holder, LockEdge, Mirror};
use super::situation::LockUser;
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::object::{Object, State};
use crate::manager::objects::ask::Ask;
use crate::manager::objects::graph::{Party, Refuse};
use crate::manager::objects::line::{Line, Waiter};

/// Who holds the lock, and who waits.
#[derive(Default)]
pub(crate) struct LockState {
    name: Option<String>,
    held: Option<Held>,
    last_token: u64,
    /// The last holder died, and nobody was told yet.
    holder_died: bool,
    waiting: Line<Granted>,
    /// The object that this is the state of.
    object: Weak<Object<LockState>>,
    /// What walks along the wait-for graph see.
    mirror: Arc<Mirror>,
}

/// What a holder is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Granted {
    pub(super) token: u64,
    pub(super) predecessor_died: bool,
}

/// The lock's name, its holder, and who waits for it.
pub(super) type Seen = (Option<String>, Option<LockUser>, Vec<LockUser>);

struct Held {
    ticket: Ticket,
    granted: Granted,
    by: Ask,
    party: Option<Party>,
}

impl LockState {
    pub(crate) fn named(name: Option<String>) -> LockState {
        LockState { name, ..LockState::default() }
    }

    pub(super) fn lock(&mut self, ask: Ask, asker: Asker<Granted>, answers: &mut Answers) {
        if let Some(held) = &self.held
            && held.by.is_bound
            && ask.is_bound
            && held.ticket.peer == asker.ticket().peer
            && held.by.who.is_same_context(&ask.who)
        {
            return asker.fail(would_deadlock(self.name.as_deref(), held, &ask), answers);
        }
        let ticket = asker.ticket();
        self.waiting.push(ask, asker);
        self.advance(answers);
        let edge = || -> Arc<dyn Resource> { Arc::new(self.edge_of(ticket)) };
        self.waiting.show_last(ticket, (edge, &LOCK), &self.object, answers);
    }

    fn edge_of(&self, ticket: Ticket) -> LockEdge {
        LockEdge { mirror: Arc::clone(&self.mirror), name: self.name.clone(), ticket }
    }

    /// The lock is free.
    fn release(&mut self) -> Option<Held> {
        self.mirror.set(None);
        self.held.take()
    }

    pub(super) fn try_lock(
        &mut self,
        ask: Ask,
        asker: Asker<Option<Granted>>,
        answers: &mut Answers,
    ) {
        // While somebody waits, it is held.
        let granted = self.held.is_none().then(|| {
            let party = Party::of(&ask, asker.ticket().peer);
            self.grant(asker.ticket(), ask, party)
        });
        asker.answer(granted, answers);
    }

    pub(super) fn unlock(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        if self.held_by(token).is_some() {
            self.release();
            self.advance(answers);
        }
        asker.answer((), answers);
    }

    /// From now on anybody may release it.
    pub(super) fn unbind(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        if let Some(held) = self.held_by(token) {
            held.by.is_bound = false;
            held.party = None;
            let who = held.by.who.clone();
            let holder = Holder { ticket: held.ticket, agent: None, who };
            self.mirror.set(Some(holder));
        }
        asker.answer((), answers);
    }

    pub(super) fn look(&mut self, (): (), asker: Asker<Seen>, answers: &mut Answers) {
        asker.answer(self.seen(), answers);
    }

    pub(super) fn seen(&self) -> Seen {
        let holder = self.held.as_ref().map(|held| held.by.who.clone());
        let waiters = self.waiting.asks().map(|ask| ask.who.clone()).collect();
        (self.name.clone(), holder, waiters)
    }

    fn held_by(&mut self, token: u64) -> Option<&mut Held> {
        self.held.as_mut().filter(|held| held.granted.token == token)
    }

    fn grant(&mut self, ticket: Ticket, by: Ask, party: Option<Party>) -> Granted {
        self.last_token += 1;
        let predecessor_died = std::mem::take(&mut self.holder_died);
        let granted = Granted { token: self.last_token, predecessor_died };
        let agent = party.as_ref().map(Party::agent);
        self.mirror.set(Some(Holder { ticket, agent, who: by.who.clone() }));
        self.held = Some(Held { ticket, granted, by, party });
        granted
    }

    fn advance(&mut self, answers: &mut Answers) {
        if self.held.is_none()
            && let Some(Waiter { ask, asker, party }) = self.waiting.pop()
        {
            let granted = self.grant(asker.ticket(), ask, party);
            asker.answer(granted, answers);
        }
    }
}

impl Refuse for LockState {
    fn belongs_to(&mut self, object: &Arc<Object<LockState>>) {
        self.object = Arc::downgrade(object);
    }

    fn refuse(&mut self, ticket: Ticket, error: ManagerError, answers: &mut Answers) {
        self.waiting.refuse(ticket, error, answers);
    }
}

impl State for LockState {
    fn edge(&self, ticket: Ticket) -> Option<Arc<dyn Resource>> {
        let edge: Arc<dyn Resource> = Arc::new(self.edge_of(ticket));
        Some(edge)
    }

    fn withdraw(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.waiting.forget(|other| other == ticket);
        if self.held.as_ref().is_some_and(|held| held.ticket == ticket)
            && let Some(held) = self.release()
        {
            // It was granted to somebody who had left: nobody was told what was to be told.
            self.holder_died |= held.granted.predecessor_died;
            self.advance(answers);
        }
    }

    fn peer_gone(&mut self, peer: PeerId, answers: &mut Answers) {
        self.waiting.forget(|other| other.peer == peer);
        if self.held.as_ref().is_some_and(|held| held.ticket.peer == peer) {
            self.release();
            self.holder_died = true;
            self.advance(answers);
        }
    }
}

fn would_deadlock(name: Option<&str>, held: &Held, ask: &Ask) -> ManagerError {
    let which =
        name.map_or_else(|| "a managed lock".to_owned(), |name| format!("the lock {name:?}"));
    let (who, held_at) = (&ask.who, format!("{}:{}", held.by.who.file(), held.by.who.line()));
    ManagerError::new(
        ManagerErrorKind::WouldDeadlock,
        format!(
            "{which} was asked for by its own holder, which would wait for itself for ever: {who}; it \
             was taken at {held_at}. Release it first, or hand the guard to what needs it"
        ),
    )
}
