//! What a channel's lock guards: the values on offer, and whose turn it is to get.

use std::collections::VecDeque;

use crate::queue::{QueueShutdown, Turn, Turns};
use crate::waiters::Entry;

/// The wait queues of a channel's monitor.
pub(super) const GETTERS: usize = 0;
pub(super) const PUTTERS: usize = 1;
pub(super) const SIDES: usize = 2;

/// The lock of a channel, taken.
pub(super) type Inside<'a, T> = Entry<'a, State<T>, Ticket, SIDES>;

/// What a channel knows.
pub(super) struct State<T> {
    /// What was put and not got, in the order of their numbers. First those whose putters have gone
    /// on, because a getter was waiting for each; then those whose putters wait.
    pub(super) offers: VecDeque<Offer<T>>,
    /// How many of the offers are of the first kind.
    pub(super) promised: usize,
    next_number: u64,
    pub(super) is_shut_down: bool,
    pub(super) getters: Turns,
}

/// A value that was put and not got.
pub(super) struct Offer<T> {
    number: u64,
    pub(super) value: T,
}

/// What one who waits tells.
pub(super) enum Ticket {
    /// A getter, and whose turn it is.
    Getter(Turn),
    /// The putter of the offer with this number.
    Putter {
        /// The offer's number.
        number: u64,
        /// Whether somebody has taken it.
        is_taken: bool,
    },
}

impl<T> State<T> {
    pub(super) const fn new() -> State<T> {
        State {
            offers: VecDeque::new(),
            promised: 0,
            next_number: 0,
            is_shut_down: false,
            getters: Turns::new(),
        }
    }

    /// How many offers may be taken. Those whose putters wait are withdrawn by a shut-down.
    pub(super) fn available(&self) -> usize {
        if self.is_shut_down { self.promised } else { self.offers.len() }
    }

    /// Puts a value on offer; its number.
    pub(super) fn offer(&mut self, value: T) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.offers.push_back(Offer { number, value });
        number
    }

    /// Takes back the offer with this number, unless somebody has taken it.
    pub(super) fn withdraw(&mut self, number: u64) -> Option<T> {
        let place = self.offers.binary_search_by_key(&number, |offer| offer.number).ok()?;
        self.offers.remove(place).map(|offer| offer.value)
    }
}

/// Whether somebody waits for a value for which no value is on offer yet.
pub(super) fn is_asked_for<T>(inside: &Inside<'_, T>) -> bool {
    inside.waiting_in(GETTERS) + inside.getters.awake() > inside.offers.len()
}

/// Takes the oldest offer and lets its putter go on. Only if one is [available](State::available).
pub(super) fn take<T>(inside: &mut Inside<'_, T>) -> Option<T> {
    let offer = inside.offers.pop_front()?;
    if inside.promised > 0 {
        inside.promised -= 1;
    } else if let Some((Ticket::Putter { number, is_taken }, _)) = inside.front_in(PUTTERS) {
        // Putters wait in the order of their offers, and whoever gives up takes the offer along.
        debug_assert_eq!(*number, offer.number);
        *is_taken = true;
        inside.grant_front_in(PUTTERS);
    }
    settle(inside);
    Some(offer.value)
}

/// Shuts the channel down. Returns what nobody will get any more, to be dropped without the lock.
pub(super) fn shut_down<T>(inside: &mut Inside<'_, T>, how: QueueShutdown) -> VecDeque<Offer<T>> {
    inside.is_shut_down = true;
    let promised = match how {
        QueueShutdown::Drain => 0,
        QueueShutdown::Immediate => std::mem::take(&mut inside.promised),
    };
    let discarded = inside.offers.drain(..promised).collect();
    // They find that their offers were not taken, and take them back.
    inside.grant_all_in(PUTTERS);
    settle(inside);
    discarded
}

/// Wakes the getters that should be awake now. After it holds: a getter sleeps only if for each offer
/// there is somebody awake already, and only while offers can come.
pub(super) fn settle<T>(inside: &mut Inside<'_, T>) {
    if inside.waiting_in(GETTERS) == 0 {
        return;
    }
    if inside.is_shut_down && inside.available() == 0 {
        let leaving = inside.grant_all_in(GETTERS);
        inside.getters.wake_to_leave(leaving);
    }
    while inside.getters.wants_more(inside.available()) {
        let Some((Ticket::Getter(turn), state)) = inside.front_in(GETTERS) else { break };
        state.getters.wake(turn);
        inside.grant_front_in(GETTERS);
    }
}
