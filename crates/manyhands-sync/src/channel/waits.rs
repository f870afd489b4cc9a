//! The two waits of a channel: for a value, and for somebody to take one.

use std::marker::PhantomData;
use std::sync::Arc;

use manyhands_wait::Resource;

use super::state::{GETTERS, Inside, PUTTERS, SIDES, State, Ticket, is_asked_for, settle, take};
use crate::queue::{Closed, Edge, Turn};
use crate::waiters::{Attempt, Granted, Protocol, Repeatable};

/// Puts what is in `value` if somebody waits for it; false if it is still there.
///
/// # Errors
/// If the channel is shut down.
pub(super) fn put_at_once<T>(
    inside: &mut Inside<'_, T>,
    value: &mut Option<T>,
) -> Result<bool, Closed> {
    if inside.is_shut_down {
        return Err(Closed(()));
    }
    if !is_asked_for(inside) {
        return Ok(false);
    }
    if let Some(value) = value.take() {
        inside.offer(value, true);
        settle(inside);
    }
    Ok(true)
}

/// Takes a value that is on offer and not kept for others.
///
/// # Errors
/// If none can come.
pub(super) fn get_at_once<T>(inside: &mut Inside<'_, T>) -> Result<Option<T>, Closed> {
    let available = inside.offers.len();
    if inside.getters.may_take(available) {
        return Ok(take(inside));
    }
    if available == 0 && inside.is_shut_down { Err(Closed(())) } else { Ok(None) }
}

/// Offers what is in `value`, until somebody has taken it. It is back in there if nobody has.
pub(super) struct Putting<'a, T> {
    value: &'a mut Option<T>,
    name: &'a Option<Arc<str>>,
    /// The offer that was not taken when the channel was shut down.
    refused: Option<u64>,
}

impl<'a, T> Putting<'a, T> {
    pub(super) fn new(value: &'a mut Option<T>, name: &'a Option<Arc<str>>) -> Putting<'a, T> {
        Putting { value, name, refused: None }
    }
}

/// What putters wait for.
pub(super) fn taker_edge(name: &Option<Arc<str>>) -> Edge {
    Edge::new("somebody to get from", "channel", name)
}

/// What getters wait for.
pub(super) fn value_edge(name: &Option<Arc<str>>) -> Edge {
    Edge::new("a value from", "channel", name)
}

impl<T> Protocol<SIDES> for Putting<'_, T> {
    const QUEUE: usize = PUTTERS;
    type State = State<T>;
    type Ticket = Ticket;
    type Output = Result<(), Closed>;

    fn attempt(&mut self, inside: &mut Inside<'_, T>) -> Attempt<Self::Output, Ticket> {
        if let Some(number) = self.refused.take() {
            *self.value = inside.withdraw(number);
        }
        match put_at_once(inside, self.value) {
            Ok(true) => Attempt::Ready(Ok(())),
            Err(closed) => Attempt::Ready(Err(closed)),
            Ok(false) => {
                let value = self.value.take().expect("a put is over once its value is gone");
                let number = inside.offer(value, false);
                Attempt::Wait(Ticket::Putter { number, is_taken: false })
            }
        }
    }

    fn granted(&mut self, ticket: Ticket) -> Granted<Self::Output> {
        match ticket {
            Ticket::Putter { number, is_taken: false } => {
                self.refused = Some(number);
                Granted::Retry
            }
            _ => Granted::Ready(Ok(())),
        }
    }

    fn given_up(&mut self, inside: &mut Inside<'_, T>, ticket: Ticket) {
        if let Ticket::Putter { number, is_taken: false } = ticket {
            *self.value = inside.withdraw(number);
        }
    }

    fn unclaimed(&mut self, inside: &mut Inside<'_, T>, ticket: Ticket) {
        self.given_up(inside, ticket);
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::new(taker_edge(self.name))
    }
}

/// Waits for a value.
pub(super) struct Getting<'a, T> {
    name: &'a Option<Arc<str>>,
    turn: Option<Turn>,
    of: PhantomData<fn() -> T>,
}

impl<'a, T> Getting<'a, T> {
    pub(super) fn new(name: &'a Option<Arc<str>>) -> Getting<'a, T> {
        Getting { name, turn: None, of: PhantomData }
    }
}

impl<T> Protocol<SIDES> for Getting<'_, T> {
    const QUEUE: usize = GETTERS;
    type State = State<T>;
    type Ticket = Ticket;
    type Output = Result<T, Closed>;

    fn attempt(&mut self, inside: &mut Inside<'_, T>) -> Attempt<Self::Output, Ticket> {
        let turn = self.turn.take().map(|turn| inside.getters.arrive(&turn));
        match get_at_once(inside) {
            Ok(Some(value)) => Attempt::Ready(Ok(value)),
            Err(closed) => Attempt::Ready(Err(closed)),
            Ok(None) => match turn {
                Some(turn) => Attempt::WaitInFront(Ticket::Getter(turn)),
                None => Attempt::Wait(Ticket::Getter(Turn::default())),
            },
        }
    }

    fn granted(&mut self, ticket: Ticket) -> Granted<Self::Output> {
        if let Ticket::Getter(turn) = ticket {
            self.turn = Some(turn);
        }
        Granted::Retry
    }

    fn unclaimed(&mut self, inside: &mut Inside<'_, T>, ticket: Ticket) {
        if let Ticket::Getter(turn) = ticket {
            inside.getters.arrive(&turn);
            settle(inside);
        }
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::new(value_edge(self.name))
    }
}

impl<T> Repeatable<SIDES> for Getting<'_, T> {}
