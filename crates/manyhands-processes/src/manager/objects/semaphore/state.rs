//! The semaphore at its owner.

use std::sync::{Arc, Weak};

use manyhands_wait::Resource;

use super::ACQUIRE;
use super::ledger::{Ledger, PermitEdge};
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::object::{Object, State};
use crate::manager::objects::ask::Ask;
use crate::manager::objects::graph::{Party, Refuse};
use crate::manager::objects::line::{Line, Waiter};

/// Who holds permits, and who waits for one.
pub(crate) struct SemaphoreState {
    name: Option<String>,
    ledger: Arc<Ledger>,
    waiting: Line<u64>,
    /// The object that this is the state of.
    object: Weak<Object<SemaphoreState>>,
}

impl SemaphoreState {
    pub(crate) fn new(name: Option<String>, permits: usize) -> SemaphoreState {
        let ledger = Arc::new(Ledger::new(permits));
        SemaphoreState { name, ledger, waiting: Line::default(), object: Weak::new() }
    }

    pub(super) fn acquire(&mut self, ask: Ask, asker: Asker<u64>, answers: &mut Answers) {
        let ticket = asker.ticket();
        self.waiting.push(ask, asker);
        self.advance(answers);
        let edge = || -> Arc<dyn Resource> { Arc::new(self.edge_of(ticket)) };
        self.waiting.show_last(ticket, (edge, &ACQUIRE), &self.object, answers);
    }

    pub(super) fn try_acquire(
        &mut self,
        ask: Ask,
        asker: Asker<Option<u64>>,
        answers: &mut Answers,
    ) {
        let ticket = asker.ticket();
        // While somebody waits, there is none.
        let is_there = self.ledger.lock().available > 0;
        let token = is_there.then(|| {
            let party = Party::of(&ask, ticket.peer);
            self.ledger.lock().grant(ticket, party, ask.who)
        });
        asker.answer(token, answers);
    }

    pub(super) fn give_back(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        if self.remove(token) {
            self.ledger.lock().available += 1;
            self.advance(answers);
        }
        asker.answer((), answers);
    }

    pub(super) fn forget(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        self.remove(token);
        asker.answer((), answers);
    }

    /// From now on anybody may give it back.
    pub(super) fn unbind(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        let mut ledger = self.ledger.lock();
        let holding = ledger.holders.iter_mut().find(|holding| holding.token == token);
        let party = holding.and_then(|holding| holding.party.take());
        drop(ledger);
        drop(party);
        asker.answer((), answers);
    }

    pub(super) fn release(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        let mut ledger = self.ledger.lock();
        if ledger.forgotten() == 0 {
            let permits = ledger.permits;
            drop(ledger);
            let message = format!(
                "a semaphore of {permits} permits was given one more than were taken for good"
            );
            let error = ManagerError::new(ManagerErrorKind::TooManyReleased, message);
            return asker.fail(error, answers);
        }
        ledger.available += 1;
        drop(ledger);
        self.advance(answers);
        asker.answer((), answers);
    }

    pub(super) fn available(&mut self, (): (), asker: Asker<usize>, answers: &mut Answers) {
        let available = self.ledger.lock().available;
        asker.answer(available, answers);
    }

    fn edge_of(&self, ticket: Ticket) -> PermitEdge {
        PermitEdge { ledger: Arc::clone(&self.ledger), name: self.name.clone(), ticket }
    }

    /// Whoever held it does not any more.
    fn remove(&self, token: u64) -> bool {
        let mut ledger = self.ledger.lock();
        let at = ledger.holders.iter().position(|holding| holding.token == token);
        let removed = at.map(|at| ledger.holders.swap_remove(at));
        drop(ledger);
        // With the last of what a context holds it may leave the wait-for graph.
        removed.is_some()
    }

    fn advance(&mut self, answers: &mut Answers) {
        while self.ledger.lock().available > 0
            && let Some(Waiter { ask, asker, party }) = self.waiting.pop()
        {
            let token = self.ledger.lock().grant(asker.ticket(), party, ask.who);
            asker.answer(token, answers);
        }
    }

    /// Those who match neither wait nor hold any more.
    fn drop_all(&mut self, matches: impl Fn(Ticket) -> bool, answers: &mut Answers) {
        self.waiting.forget(&matches);
        let mut ledger = self.ledger.lock();
        let freed: Vec<_> =
            ledger.holders.extract_if(.., |holding| matches(holding.ticket)).collect();
        ledger.available += freed.len();
        drop(ledger);
        drop(freed);
        self.advance(answers);
    }
}

impl Refuse for SemaphoreState {
    fn belongs_to(&mut self, object: &Arc<Object<SemaphoreState>>) {
        self.object = Arc::downgrade(object);
    }

    fn refuse(&mut self, ticket: Ticket, error: ManagerError, answers: &mut Answers) {
        self.waiting.refuse(ticket, error, answers);
    }
}

impl State for SemaphoreState {
    fn edge(&self, ticket: Ticket) -> Option<Arc<dyn Resource>> {
        let edge: Arc<dyn Resource> = Arc::new(self.edge_of(ticket));
        Some(edge)
    }

    fn withdraw(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.drop_all(|other| other == ticket, answers);
    }

    fn peer_gone(&mut self, peer: PeerId, answers: &mut Answers) {
        self.drop_all(|other| other.peer == peer, answers);
    }
}
