//! The line of requests for something that one has until one gives it back: a lock, a permit. Whoever has
//! waited longest is next.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use manyhands_wait::{Reason, Resource};

use super::ask::Ask;
use super::graph::{self, Party, Refuse};
use crate::manager::answer::{Answers, Asker, Ticket};
use crate::manager::error::ManagerError;
use crate::manager::object::Object;

/// Those who wait, each for an `R`.
pub(super) struct Line<R>(VecDeque<Waiter<R>>);

/// A request.
pub(super) struct Waiter<R> {
    pub(super) ask: Ask,
    pub(super) asker: Asker<R>,
    /// Who it is, if nobody else can give back what it gets.
    pub(super) party: Option<Party>,
}

impl<R> Line<R> {
    /// Lets a request wait behind all others.
    pub(super) fn push(&mut self, ask: Ask, asker: Asker<R>) {
        let party = Party::of(&ask, asker.ticket().peer);
        self.0.push_back(Waiter { ask, asker, party });
    }

    /// The next one, which waits no more.
    pub(super) fn pop(&mut self) -> Option<Waiter<R>> {
        self.0.pop_front().inspect(Waiter::goes_on)
    }

    /// Has the request that has come last shown in the wait-for graph, if it still waits and will not leave
    /// by itself.
    pub(super) fn show_last<S: Refuse>(
        &self,
        ticket: Ticket,
        (edge, reason): (impl FnOnce() -> Arc<dyn Resource>, &'static Reason),
        object: &Weak<Object<S>>,
        answers: &mut Answers,
    ) {
        let last = self.0.back().filter(|waiter| waiter.asker.ticket() == ticket);
        if let Some(Waiter { ask, party: Some(party), .. }) = last
            && !ask.may_leave
        {
            graph::show(party, (ticket, edge(), reason), ask, Weak::clone(object), answers);
        }
    }

    /// Fails a request.
    pub(super) fn refuse(&mut self, ticket: Ticket, error: ManagerError, answers: &mut Answers) {
        let place = self.0.iter().position(|waiter| waiter.asker.ticket() == ticket);
        if let Some(waiter) = place.and_then(|place| self.0.remove(place)) {
            waiter.goes_on();
            waiter.asker.fail(error, answers);
        }
    }

    /// Nobody waits for the answers to those that match any more.
    pub(super) fn forget(&mut self, matches: impl Fn(Ticket) -> bool) {
        let (gone, stay): (VecDeque<_>, _) =
            self.0.drain(..).partition(|waiter| matches(waiter.asker.ticket()));
        self.0 = stay;
        for waiter in gone {
            waiter.goes_on();
            waiter.asker.forget();
        }
    }

    /// Who waits, the next one first.
    pub(super) fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.0.iter().map(|waiter| &waiter.ask)
    }
}

impl<R> Default for Line<R> {
    fn default() -> Line<R> {
        Line(VecDeque::new())
    }
}

impl<R> Waiter<R> {
    /// It is not in the line any more.
    fn goes_on(&self) {
        if let Some(party) = &self.party {
            party.goes_on(self.asker.ticket());
        }
    }
}
