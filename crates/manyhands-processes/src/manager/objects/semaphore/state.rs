//! The semaphore at its owner.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use manyhands_wait::Resource;

use super::ACQUIRE;
use super::ledger::{Ledger, PermitEdge};
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::object::{Object, State};
use crate::manager::objects::ask::Ask;
use crate::manager::objects::graph::{self, Party, Refuse};

/// Who holds permits, and who waits for one.
pub(crate) struct SemaphoreState {
    name: Option<String>,
    ledger: Arc<Ledger>,
    waiting: VecDeque<Waiter>,
    /// The object that this is the state of.
    object: Weak<Object<SemaphoreState>>,
}

/// A request in the line.
struct Waiter {
    ask: Ask,
    asker: Asker<u64>,
    /// Who it is, if nobody else can give the permit back for it.
    party: Option<Party>,
}

impl Waiter {
    /// It is not in the line any more.
    fn leave(self) -> Asker<u64> {
        if let Some(party) = &self.party {
            party.goes_on(self.asker.ticket());
        }
        self.asker
    }
}

impl SemaphoreState {
    pub(crate) fn new(name: Option<String>, permits: usize) -> SemaphoreState {
        let ledger = Arc::new(Ledger::new(permits));
        SemaphoreState { name, ledger, waiting: VecDeque::new(), object: Weak::new() }
    }

    pub(super) fn acquire(&mut self, ask: Ask, asker: Asker<u64>, answers: &mut Answers) {
        let ticket = asker.ticket();
        let party = Party::of(&ask, ticket.peer);
        self.waiting.push_back(Waiter { ask, asker, party });
        self.advance(answers);
        // Whoever was not granted it waits now.
        let waiter = self.waiting.back().filter(|waiter| waiter.asker.ticket() == ticket);
        if let Some(Waiter { ask, party: Some(party), .. }) = waiter
            && !ask.may_leave
        {
            let edge: Arc<dyn Resource> = Arc::new(self.edge_of(ticket));
            let object = Weak::clone(&self.object);
            graph::show(party, (ticket, edge, &ACQUIRE), ask, object, answers);
        }
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
            && let Some(waiter) = self.waiting.pop_front()
        {
            let (who, party) = (waiter.ask.who.clone(), waiter.party.clone());
            let asker = waiter.leave();
            let token = self.ledger.lock().grant(asker.ticket(), party, who);
            asker.answer(token, answers);
        }
    }

    /// Those who match neither wait nor hold any more.
    fn drop_all(&mut self, matches: impl Fn(Ticket) -> bool, answers: &mut Answers) {
        let (gone, stay): (VecDeque<Waiter>, _) =
            self.waiting.drain(..).partition(|waiter| matches(waiter.asker.ticket()));
        self.waiting = stay;
        gone.into_iter().for_each(|waiter| waiter.leave().forget());
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
        let place = self.waiting.iter().position(|waiter| waiter.asker.ticket() == ticket);
        if let Some(waiter) = place.and_then(|place| self.waiting.remove(place)) {
            waiter.leave().fail(error, answers);
        }
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
