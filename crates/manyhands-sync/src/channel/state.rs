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
    /// What was put and not got, in the order of their numbers.
    pub(super) offers: VecDeque<Offer<T>>,
    /// After a shut-down: offers whose putters wait and have not taken them back yet.
    refused: VecDeque<Offer<T>>,
    next_number: u64,
    pub(super) is_shut_down: bool,
    pub(super) getters: Turns,
}

/// A value that was put and not got.
pub(super) struct Offer<T> {
    number: u64,
    value: T,
    /// Its putter has gone on, because somebody was waiting for it; otherwise it waits.
    is_promised: bool,
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
            refused: VecDeque::new(),
            next_number: 0,
            is_shut_down: false,
            getters: Turns::new(),
        }
    }

    /// Puts a value on offer; its number.
    pub(super) fn offer(&mut self, value: T, is_promised: bool) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.offers.push_back(Offer { number, value, is_promised });
        number
    }

    /// Takes back the offer with this number, unless somebody has taken it.
    pub(super) fn withdraw(&mut self, number: u64) -> Option<T> {
        withdraw_from(&mut self.offers, number).or_else(|| withdraw_from(&mut self.refused, number))
    }
}

fn withdraw_from<T>(offers: &mut VecDeque<Offer<T>>, number: u64) -> Option<T> {
    let place = offers.binary_search_by_key(&number, |offer| offer.number).ok()?;
    offers.remove(place).map(|offer| offer.value)
}

/// Whether somebody waits for a value for which no value is on offer yet.
pub(super) fn is_asked_for<T>(inside: &Inside<'_, T>) -> bool {
    inside.waiting_in(GETTERS) + inside.getters.awake() > inside.offers.len()
}

/// Takes the oldest offer and lets its putter go on.
pub(super) fn take<T>(inside: &mut Inside<'_, T>) -> Option<T> {
    let offer = inside.offers.pop_front()?;
    if !offer.is_promised
        && let Some((Ticket::Putter { number, is_taken }, _)) = inside.front_in(PUTTERS)
    {
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
    let (promised, refused) =
        std::mem::take(&mut inside.offers).into_iter().partition(|offer| offer.is_promised);
    // Their putters find that they were not taken, and take them back.
    inside.refused.append(&mut { refused });
    inside.grant_all_in(PUTTERS);
    let (promised, discarded) = match how {
        QueueShutdown::Drain => (promised, VecDeque::new()),
        QueueShutdown::Immediate => (VecDeque::new(), promised),
    };
    inside.offers = promised;
    settle(inside);
    discarded
}

/// Wakes the getters that should be awake now. After it holds: a getter sleeps only if for each offer
/// there is somebody awake already, and only while offers can come.
pub(super) fn settle<T>(inside: &mut Inside<'_, T>) {
    if inside.waiting_in(GETTERS) == 0 {
        return;
    }
    if inside.is_shut_down && inside.offers.is_empty() {
        let leaving = inside.grant_all_in(GETTERS);
        inside.getters.wake_to_leave(leaving);
    }
    while inside.getters.wants_more(inside.offers.len()) {
        let Some((Ticket::Getter(turn), state)) = inside.front_in(GETTERS) else { break };
        state.getters.wake(turn);
        inside.grant_front_in(GETTERS);
    }
}
