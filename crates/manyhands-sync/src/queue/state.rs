//! What a queue's lock guards, and the one step that follows every change of it: [`settle`].

use super::QueueShutdown;
use super::order::Items;
use super::turns::{Turn, Turns};
use crate::waiters::Entry;

/// The wait queues of a queue's monitor.
pub(super) const GETTERS: usize = 0;
pub(super) const PUTTERS: usize = 1;
pub(super) const JOINERS: usize = 2;
pub(super) const SIDES: usize = 3;

/// The lock of a queue, taken.
pub(super) type Inside<'a, S> = Entry<'a, State<S>, Turn, SIDES>;

/// What a queue knows.
pub(super) struct State<S> {
    pub(super) items: S,
    /// `usize::MAX` without a bound.
    pub(super) max_size: usize,
    /// Items that were put and of which nobody has said that they are done.
    pub(super) unfinished: usize,
    pub(super) is_shut_down: bool,
    pub(super) getters: Turns,
    pub(super) putters: Turns,
    pub(super) len_max: usize,
    pub(super) puts_that_waited: u64,
    pub(super) gets_that_waited: u64,
}

impl<S> State<S> {
    pub(super) const fn new(items: S, max_size: usize) -> State<S> {
        State {
            items,
            max_size,
            unfinished: 0,
            is_shut_down: false,
            getters: Turns::new(),
            putters: Turns::new(),
            len_max: 0,
            puts_that_waited: 0,
            gets_that_waited: 0,
        }
    }
}

impl<S: Items> State<S> {
    /// How many more fit in. None while there are too many, after the bound was lowered.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.max_size.saturating_sub(self.items.len())
    }
}

/// Puts `item`, for which there is room.
///
/// If a comparison of a priority queue panics nothing is put, and those who wait are told what
/// there is for them, now that this caller does not come. The item stays where it is: dropping it is
/// foreign code, which is not to run under the lock.
#[inline]
pub(super) fn push<S: Items>(inside: &mut Inside<'_, S>, item: &mut Option<S::Item>) {
    let settled = Settled(inside);
    settled.0.items.push(item);
    settled.0.unfinished += 1;
    settled.0.len_max = settled.0.len_max.max(settled.0.items.len());
}

/// Takes the next item, if there is one. If a comparison panics it stays.
#[inline]
pub(super) fn pop<S: Items>(inside: &mut Inside<'_, S>) -> Option<S::Item> {
    Settled(inside).0.items.pop()
}

/// Shuts the queue down. Returns what nobody will get any more, to be dropped without the lock.
pub(super) fn shut_down<S: Items>(inside: &mut Inside<'_, S>, how: QueueShutdown) -> Option<S> {
    inside.is_shut_down = true;
    let discarded = match how {
        QueueShutdown::Drain => None,
        QueueShutdown::Immediate => {
            let items = inside.items.take();
            inside.unfinished = inside.unfinished.saturating_sub(items.len());
            Some(items)
        }
    };
    settle(inside);
    discarded
}

/// Wakes whoever should be awake now. After it holds, for getters and items as for putters and room:
/// somebody sleeps only if for each one that is there somebody is awake already; nobody sleeps for
/// what can no longer come; and no joiner sleeps while nothing is unfinished.
#[inline]
pub(super) fn settle<S: Items>(inside: &mut Inside<'_, S>) {
    if inside.waiting_in(GETTERS) > 0 {
        settle_getters(inside);
    }
    if inside.waiting_in(PUTTERS) > 0 {
        settle_putters(inside);
    }
    if inside.unfinished == 0 && inside.waiting_in(JOINERS) > 0 {
        inside.grant_all_in(JOINERS);
    }
}

fn settle_getters<S: Items>(inside: &mut Inside<'_, S>) {
    if inside.is_shut_down && inside.items.len() == 0 {
        let leaving = inside.grant_all_in(GETTERS);
        inside.getters.wake_to_leave(leaving);
    }
    while inside.getters.wants_more(inside.items.len()) {
        let Some((turn, state)) = inside.front_in(GETTERS) else { break };
        state.getters.wake(turn);
        inside.grant_front_in(GETTERS);
    }
}

fn settle_putters<S: Items>(inside: &mut Inside<'_, S>) {
    if inside.is_shut_down {
        let leaving = inside.grant_all_in(PUTTERS);
        inside.putters.wake_to_leave(leaving);
    }
    while inside.putters.wants_more(inside.room()) {
        let Some((turn, state)) = inside.front_in(PUTTERS) else { break };
        state.putters.wake(turn);
        inside.grant_front_in(PUTTERS);
    }
}

/// Settles when it is dropped, unwinding too.
struct Settled<'a, 'b, S: Items>(&'a mut Inside<'b, S>);

impl<S: Items> Drop for Settled<'_, '_, S> {
    #[inline]
    fn drop(&mut self) {
        settle(self.0);
    }
}
