//! The rounds of a barrier: who has arrived, how a round ends, and what its waiters are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use manyhands_wait::Resource;

use super::core::Core;
use super::error::BarrierErrorKind;
use crate::waiters::{Attempt, Entry, Granted, Protocol};

/// What the last one to arrive runs.
pub(super) type Action = Box<dyn FnMut() + Send>;

pub(super) type Outcome = Result<(), BarrierErrorKind>;

pub(super) struct State {
    pub(super) parties: usize,
    /// The number of this round. Begins at 1, goes up whenever a round ends in whatever way.
    pub(super) round: u64,
    /// How many have arrived in this round.
    arrived: usize,
    pub(super) broken: Option<BarrierErrorKind>,
    /// Whether somebody runs the action. Until that ends nobody arrives: newcomers wait.
    acting: bool,
    /// Why the round after that is broken already: a newcomer has not stayed until the action ended.
    next_is_broken: Option<BarrierErrorKind>,
    /// `None` if there is none, and while it runs.
    pub(super) action: Option<Action>,
}

impl State {
    pub(super) const fn new(parties: usize) -> State {
        State {
            parties,
            round: 1,
            arrived: 0,
            broken: None,
            acting: false,
            next_is_broken: None,
            action: None,
        }
    }

    /// Whether the round of this number still waits for some to arrive.
    fn is_filling(&self, round: u64) -> bool {
        self.round == round && !self.acting
    }
}

pub(super) struct Ticket {
    /// The place in the order of arrival; `None` for newcomers, who have not arrived yet.
    index: Option<usize>,
    /// Written by whoever grants, for one who has arrived.
    outcome: Outcome,
    /// Written by whoever grants, for a newcomer: the round that begins.
    next_round: u64,
}

impl Ticket {
    fn new(index: Option<usize>) -> Ticket {
        Ticket { index, outcome: Ok(()), next_round: 0 }
    }

    pub(super) fn has_arrived(&self) -> bool {
        self.index.is_some()
    }
}

pub(super) type Round<'a> = Entry<'a, State, Ticket>;

/// Ends the round: all who have arrived are told its outcome, and newcomers may arrive.
pub(super) fn end_round(entry: &mut Round<'_>, outcome: Outcome) {
    entry.round += 1;
    entry.arrived = 0;
    entry.grant_where(|ticket, state| {
        ticket.outcome = outcome;
        ticket.next_round = state.round;
        true
    });
}

/// Ends the round of this number as broken, unless all have arrived, or it has ended already.
pub(super) fn break_round(entry: &mut Round<'_>, round: u64, kind: BarrierErrorKind) {
    if entry.is_filling(round) {
        entry.broken = Some(kind);
        end_round(entry, Err(kind));
    }
}

/// While the action runs, breaks the round after it: one of those who would be in it has left. False if
/// no action runs.
pub(super) fn break_next_round(entry: &mut Round<'_>, kind: BarrierErrorKind) -> bool {
    if entry.acting {
        entry.next_is_broken.get_or_insert(kind);
    }
    entry.acting
}

/// Makes the barrier as new. Whoever has left before then is not missed.
pub(super) fn make_new(entry: &mut Round<'_>) {
    entry.broken = None;
    entry.next_is_broken = None;
    end_round(entry, Err(BarrierErrorKind::Reset));
}

/// Ends the round of whoever has run the action: passed, or broken by it. If the round had ended
/// before, that is its outcome.
pub(super) fn end_acting(
    entry: &mut Round<'_>,
    round: u64,
    action: Action,
    outcome: Outcome,
) -> Outcome {
    entry.action = Some(action);
    entry.acting = false;
    let next_is_broken = entry.next_is_broken.take();
    if entry.round == round {
        entry.broken = outcome.err().or(next_is_broken);
        end_round(entry, outcome);
        return outcome;
    }
    let outcome = Err(entry.broken.unwrap_or(BarrierErrorKind::Reset));
    entry.broken = entry.broken.or(next_is_broken);
    // Only newcomers can be waiting; they are not told outcomes.
    entry.grant_where(|ticket, state| {
        ticket.next_round = state.round;
        true
    });
    outcome
}

/// How an arrival ended.
pub(super) enum Arrived {
    /// All have arrived, and this one was that many before the last.
    Passed { index: usize },
    /// It was the last one, and is to run the action.
    ToAct { round: u64, action: Action },
}

/// The wait for all others.
pub(super) struct Arrive<'a> {
    pub(super) core: &'a Arc<Core>,
    /// Told the number of the round in which it has arrived; 0 until then.
    pub(super) round: &'a AtomicU64,
}

impl Protocol for Arrive<'_> {
    type State = State;
    type Ticket = Ticket;
    type Output = Result<Arrived, BarrierErrorKind>;

    fn attempt(&mut self, entry: &mut Round<'_>) -> Attempt<Self::Output, Ticket> {
        if let Some(kind) = entry.broken {
            return Attempt::Ready(Err(kind));
        }
        if entry.acting {
            return Attempt::Wait(Ticket::new(None));
        }
        let (index, round) = (entry.arrived, entry.round);
        self.round.store(round, Ordering::Relaxed);
        entry.arrived += 1;
        if entry.arrived < entry.parties {
            return Attempt::Wait(Ticket::new(Some(index)));
        }
        Attempt::Ready(Ok(match entry.action.take() {
            Some(action) => {
                entry.acting = true;
                Arrived::ToAct { round, action }
            }
            None => {
                end_round(entry, Ok(()));
                Arrived::Passed { index }
            }
        }))
    }

    fn granted(&mut self, ticket: Ticket) -> Granted<Self::Output> {
        match ticket.index {
            Some(index) => Granted::Ready(ticket.outcome.map(|()| Arrived::Passed { index })),
            None => Granted::Retry,
        }
    }

    fn given_up(&mut self, entry: &mut Round<'_>, ticket: Ticket) {
        // Once all have arrived its leaving harms nobody.
        if ticket.has_arrived() {
            break_round(entry, self.round.load(Ordering::Relaxed), BarrierErrorKind::Left);
        } else {
            break_next_round(entry, BarrierErrorKind::Left);
        }
    }

    fn unclaimed(&mut self, entry: &mut Round<'_>, ticket: Ticket) {
        // Of one who had arrived the round has ended; the others are told for themselves.
        if !ticket.has_arrived() {
            break_round(entry, ticket.next_round, BarrierErrorKind::Left);
        }
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::<Core>::clone(self.core)
    }
}
