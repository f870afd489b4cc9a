//! The three waits of a queue: for room, for an item, for everything to be done.

use std::marker::PhantomData;
use std::sync::Arc;

use manyhands_wait::Resource;

use super::edge::Edge;
use super::error::Closed;
use super::order::Items;
use super::state::{GETTERS, Inside, JOINERS, PUTTERS, SIDES, State, pop, push, settle};
use super::turns::Turn;
use crate::waiters::{Attempt, Granted, Protocol, Repeatable};

/// Waits for room, and puts what is in `item`, where it stays if it cannot be put or the wait is given up.
pub(super) struct Putting<'a, S: Items> {
    item: &'a mut Option<S::Item>,
    name: &'a Option<Arc<str>>,
    /// Its turn, between being woken and taking the lock.
    turn: Option<Turn>,
}

impl<'a, S: Items> Putting<'a, S> {
    pub(super) fn new(item: &'a mut Option<S::Item>, name: &'a Option<Arc<str>>) -> Putting<'a, S> {
        Putting { item, name, turn: None }
    }
}

/// What putters wait for.
pub(super) fn room_edge(name: &Option<Arc<str>>) -> Edge {
    Edge::new("room in", "queue", name)
}

/// What getters wait for.
pub(super) fn item_edge(name: &Option<Arc<str>>) -> Edge {
    Edge::new("an item of", "queue", name)
}

/// What joiners wait for.
pub(super) fn done_edge(name: &Option<Arc<str>>) -> Edge {
    Edge::new("the end of all work on", "queue", name)
}

/// What can be done with an item at once.
pub(super) enum Room {
    /// It was put.
    Put,
    /// There is no room for it.
    Full,
    /// The queue is shut down.
    Closed,
}

/// Puts `item` if there is room that is not kept for others; otherwise it stays where it is.
#[inline]
pub(super) fn put_at_once<S: Items>(
    inside: &mut Inside<'_, S>,
    item: &mut Option<S::Item>,
) -> Room {
    if inside.is_shut_down {
        return Room::Closed;
    }
    if !inside.putters.may_take(inside.room()) {
        return Room::Full;
    }
    push(inside, item);
    Room::Put
}

/// Takes an item if there is one that is not kept for others. An error if none can come.
#[inline]
pub(super) fn get_at_once<S: Items>(inside: &mut Inside<'_, S>) -> Result<Option<S::Item>, Closed> {
    let len = inside.items.len();
    if inside.getters.may_take(len) {
        return Ok(pop(inside));
    }
    if len == 0 && inside.is_shut_down { Err(Closed(())) } else { Ok(None) }
}

impl<S: Items> Protocol<SIDES> for Putting<'_, S> {
    const QUEUE: usize = PUTTERS;
    type State = State<S>;
    type Ticket = Turn;
    type Output = Result<(), Closed>;

    fn attempt(&mut self, inside: &mut Inside<'_, S>) -> Attempt<Self::Output, Turn> {
        let turn = self.turn.take().map(|turn| inside.putters.arrive(&turn));
        match put_at_once(inside, self.item) {
            Room::Put => Attempt::Ready(Ok(())),
            Room::Closed => Attempt::Ready(Err(Closed(()))),
            Room::Full => {
                inside.puts_that_waited += u64::from(turn.is_none());
                again(turn)
            }
        }
    }

    fn granted(&mut self, turn: Turn) -> Granted<Self::Output> {
        self.turn = Some(turn);
        Granted::Retry
    }

    fn unclaimed(&mut self, inside: &mut Inside<'_, S>, turn: Turn) {
        inside.putters.arrive(&turn);
        settle(inside);
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::new(room_edge(self.name))
    }
}

impl<S: Items> Repeatable<SIDES> for Putting<'_, S> {}

/// Waits for an item.
pub(super) struct Getting<'a, S> {
    name: &'a Option<Arc<str>>,
    turn: Option<Turn>,
    of: PhantomData<fn() -> S>,
}

impl<'a, S> Getting<'a, S> {
    pub(super) fn new(name: &'a Option<Arc<str>>) -> Getting<'a, S> {
        Getting { name, turn: None, of: PhantomData }
    }
}

impl<S: Items> Protocol<SIDES> for Getting<'_, S> {
    const QUEUE: usize = GETTERS;
    type State = State<S>;
    type Ticket = Turn;
    type Output = Result<S::Item, Closed>;

    fn attempt(&mut self, inside: &mut Inside<'_, S>) -> Attempt<Self::Output, Turn> {
        let turn = self.turn.take().map(|turn| inside.getters.arrive(&turn));
        match get_at_once(inside) {
            Ok(Some(item)) => Attempt::Ready(Ok(item)),
            Ok(None) => {
                inside.gets_that_waited += u64::from(turn.is_none());
                again(turn)
            }
            Err(closed) => Attempt::Ready(Err(closed)),
        }
    }

    fn granted(&mut self, turn: Turn) -> Granted<Self::Output> {
        self.turn = Some(turn);
        Granted::Retry
    }

    fn unclaimed(&mut self, inside: &mut Inside<'_, S>, turn: Turn) {
        inside.getters.arrive(&turn);
        settle(inside);
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::new(item_edge(self.name))
    }
}

impl<S: Items> Repeatable<SIDES> for Getting<'_, S> {}

/// Waits for a moment at which everything that was put is done.
pub(super) struct Joining<'a, S> {
    name: &'a Option<Arc<str>>,
    of: PhantomData<fn() -> S>,
}

impl<'a, S> Joining<'a, S> {
    pub(super) fn new(name: &'a Option<Arc<str>>) -> Joining<'a, S> {
        Joining { name, of: PhantomData }
    }
}

impl<S: Items> Protocol<SIDES> for Joining<'_, S> {
    const QUEUE: usize = JOINERS;
    type State = State<S>;
    type Ticket = Turn;
    type Output = ();

    fn attempt(&mut self, inside: &mut Inside<'_, S>) -> Attempt<(), Turn> {
        if inside.unfinished == 0 { Attempt::Ready(()) } else { Attempt::Wait(Turn::default()) }
    }

    /// There was such a moment, even if more has been put since.
    fn granted(&mut self, _: Turn) -> Granted<()> {
        Granted::Ready(())
    }

    fn unclaimed(&mut self, _: &mut Inside<'_, S>, _: Turn) {}

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::new(done_edge(self.name))
    }
}

/// Waits: whoever was woken in vain before all others, the rest behind them.
fn again<R>(turn: Option<Turn>) -> Attempt<R, Turn> {
    match turn {
        Some(turn) => Attempt::WaitInFront(turn),
        None => Attempt::Wait(Turn::default()),
    }
}
