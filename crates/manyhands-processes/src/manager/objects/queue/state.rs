//! The queue at its owner.

use std::collections::{HashMap, VecDeque};

use manyhands_executor::Portable;

use super::lane::{Grant, LaneIn, Violation};
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::object::State;
use crate::manager::protocol::codec;

/// So many processes at most put items through lanes; others take the ordinary way.
const LANES_MAX: usize = 256;

/// Items, who waits for them, and what is on its way.
pub(crate) struct QueueState<T> {
    capacity: usize,
    items: VecDeque<T>,
    /// Not empty only while there are no items.
    getters: VecDeque<Asker<Option<T>>>,
    /// Not empty only while there is no room.
    putters: VecDeque<(T, Asker<()>)>,
    /// Sent to other processes, which have not said yet that it has arrived; in order.
    sent: VecDeque<(Ticket, T)>,
    /// Handed over and not done with, by the process that took it.
    open: HashMap<PeerId, u64>,
    /// Put in and not done with.
    unfinished: u64,
    joiners: Vec<Asker<()>>,
    lost: u64,
    is_closed: bool,
    /// Through these other processes put items at any moment, without asking. None if the queue is
    /// bounded or closed.
    lanes: Vec<Lane>,
}

struct Lane {
    peer: PeerId,
    inner: LaneIn,
}

impl<T: Portable> QueueState<T> {
    /// With room for so many items, at least one.
    pub(crate) fn new(capacity: Option<usize>) -> QueueState<T> {
        QueueState {
            capacity: capacity.map_or(usize::MAX, |items| items.max(1)),
            items: VecDeque::new(),
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            sent: VecDeque::new(),
            open: HashMap::new(),
            unfinished: 0,
            joiners: Vec::new(),
            lost: 0,
            is_closed: false,
            lanes: Vec::new(),
        }
    }

    /// A lane for the process that asks, if it may have one.
    pub(super) fn open_lane(&mut self, (): (), asker: Asker<Option<Grant>>, answers: &mut Answers) {
        let peer = asker.ticket().peer;
        let has_one = self.lanes.iter().any(|lane| lane.peer == peer);
        let may = self.capacity == usize::MAX
            && !self.is_closed
            && !has_one
            && self.lanes.len() < LANES_MAX
            && asker.is_remote();
        let Some((inner, grant)) = may.then(|| LaneIn::create().ok()).flatten() else {
            return asker.answer(None, answers);
        };
        self.lanes.push(Lane { peer, inner });
        asker.answer(Some(grant), answers);
        self.collect(answers);
    }

    /// Somebody has put an item through a lane while the queue waited for one.
    pub(super) fn bell(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.collect(answers);
        asker.answer((), answers);
    }

    pub(crate) fn put(&mut self, item: T, asker: Asker<()>, answers: &mut Answers) {
        self.collect(answers);
        if self.is_closed {
            return asker.fail(closed(), answers);
        }
        if self.has_room() {
            self.append(item, answers);
            asker.answer((), answers);
        } else {
            self.putters.push_back((item, asker));
        }
    }

    pub(super) fn try_put(&mut self, item: T, asker: Asker<Option<T>>, answers: &mut Answers) {
        self.collect(answers);
        if self.is_closed {
            return asker.fail(closed(), answers);
        }
        let back = if self.has_room() {
            self.append(item, answers);
            None
        } else {
            Some(item)
        };
        asker.answer(back, answers);
    }

    pub(super) fn get(&mut self, (): (), asker: Asker<Option<T>>, answers: &mut Answers) {
        // What is in the queue was put before what is in a lane.
        if self.items.is_empty() {
            self.collect(answers);
        }
        match self.items.pop_front() {
            Some(item) => {
                self.give(item, asker, answers);
                self.refill(answers);
            }
            None if self.is_closed => asker.fail(closed(), answers),
            None => {
                self.getters.push_back(asker);
                self.collect(answers);
            }
        }
    }

    pub(super) fn try_get(&mut self, (): (), asker: Asker<Option<T>>, answers: &mut Answers) {
        self.collect(answers);
        if self.items.is_empty() && !self.is_closed {
            asker.answer(None, answers);
        } else {
            self.get((), asker, answers);
        }
    }

    pub(super) fn task_done(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.collect(answers);
        if self.unfinished == 0 {
            let message = "task_done was called more often than items were put into the queue";
            let error = ManagerError::new(ManagerErrorKind::TooManyReleased, message);
            return asker.fail(error, answers);
        }
        // Somebody else may say it than the one who took the item out.
        if let Some(open) = self.open.get_mut(&asker.ticket().peer) {
            *open = open.saturating_sub(1);
        }
        self.finish(1, answers);
        asker.answer((), answers);
    }

    pub(super) fn join(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.collect(answers);
        self.joiners.push(asker);
        self.finish(0, answers);
    }

    pub(super) fn close(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.is_closed = true;
        self.lanes.iter().for_each(|lane| lane.inner.close());
        // What was put before is in the queue, and nothing comes after it.
        self.collect(answers);
        self.lanes.clear();
        for getter in self.getters.drain(..) {
            getter.fail(closed(), answers);
        }
        for (_, putter) in self.putters.drain(..) {
            putter.fail(closed(), answers);
        }
        asker.answer((), answers);
    }

    pub(super) fn len(&mut self, (): (), asker: Asker<usize>, answers: &mut Answers) {
        self.collect(answers);
        asker.answer(self.items.len(), answers);
    }

    pub(super) fn lost(&mut self, (): (), asker: Asker<u64>, answers: &mut Answers) {
        self.collect(answers);
        asker.answer(self.lost, answers);
    }

    /// The item of somebody who waits for room no longer.
    pub(super) fn take_back(&mut self, ticket: Ticket) -> Option<T> {
        let at = self.putters.iter().position(|(_, putter)| putter.ticket() == ticket)?;
        let (item, putter) = self.putters.remove(at)?;
        putter.forget();
        Some(item)
    }

    /// Like [`take_back`](Self::take_back), for another process, which has the item too.
    pub(super) fn retract(&mut self, request: u64, asker: Asker<bool>, answers: &mut Answers) {
        self.collect(answers);
        let ticket = Ticket { request, ..asker.ticket() };
        let taken_back = self.take_back(ticket).is_some();
        asker.answer(taken_back, answers);
    }

    /// An item was given to somebody who had left: it is the first again.
    pub(super) fn return_item(&mut self, item: Option<T>, answers: &mut Answers) {
        let Some(item) = item else { return };
        self.no_longer_open(PeerId::HERE);
        self.put_first(item, answers);
    }

    /// Takes what has come through the lanes. As long as somebody waits for an item, the processes at
    /// their other ends say when there is one.
    fn collect(&mut self, answers: &mut Answers) {
        if self.lanes.is_empty() {
            return;
        }
        self.take_from_lanes(answers);
        if !self.getters.is_empty() {
            self.lanes.iter().for_each(|lane| lane.inner.want_bell());
            self.take_from_lanes(answers);
        }
    }

    /// Takes what there is now: what comes meanwhile is for later, or this might never end.
    fn take_from_lanes(&mut self, answers: &mut Answers) {
        let available = |lane: &Lane| lane.inner.available().unwrap_or(1);
        let mut left: u64 = self.lanes.iter().map(available).sum();
        let mut item = Vec::new();
        while left > 0
            && let Some(index) = self.earliest()
        {
            match self.lanes[index].inner.read(&mut item) {
                Ok(words) => {
                    left = left.saturating_sub(words);
                    match codec::decode(&item) {
                        Ok(item) => self.append(item, answers),
                        // Whoever put it is not told any more.
                        Err(_) => self.lost += 1,
                    }
                }
                Err(Violation) => self.cut_off(index),
            }
        }
    }

    /// The lane with the item that was put first.
    fn earliest(&mut self) -> Option<usize> {
        let mut earliest = None;
        let mut index = 0;
        while index < self.lanes.len() {
            match self.lanes[index].inner.next_put() {
                Ok(Some(put)) if earliest.is_none_or(|(_, before)| put < before) => {
                    earliest = Some((index, put));
                }
                Ok(_) => {}
                Err(Violation) => {
                    self.cut_off(index);
                    continue;
                }
            }
            index += 1;
        }
        earliest.map(|(index, _)| index)
    }

    fn cut_off(&mut self, index: usize) {
        eprintln!(
            "manyhands: a process wrote what cannot be into its memory for a queue; it is no longer \
             read"
        );
        self.lanes.remove(index);
    }

    fn has_room(&self) -> bool {
        self.items.len() < self.capacity
    }

    fn append(&mut self, item: T, answers: &mut Answers) {
        self.unfinished += 1;
        match self.getters.pop_front() {
            Some(getter) => self.give(item, getter, answers),
            None => self.items.push_back(item),
        }
    }

    fn put_first(&mut self, item: T, answers: &mut Answers) {
        match self.getters.pop_front() {
            Some(getter) => self.give(item, getter, answers),
            None => self.items.push_front(item),
        }
    }

    fn give(&mut self, item: T, getter: Asker<Option<T>>, answers: &mut Answers) {
        let ticket = getter.ticket();
        *self.open.entry(ticket.peer).or_default() += 1;
        if !getter.is_remote() {
            return getter.answer(Some(item), answers);
        }
        let item = Some(item);
        let sent = getter.answer_remote(&item, answers);
        if let (true, Some(item)) = (sent, item) {
            self.sent.push_back((ticket, item));
        }
    }

    /// Those who wait for room put their items in as long as there is some.
    fn refill(&mut self, answers: &mut Answers) {
        while self.has_room()
            && let Some((item, putter)) = self.putters.pop_front()
        {
            self.append(item, answers);
            putter.answer((), answers);
        }
    }

    fn finish(&mut self, items: u64, answers: &mut Answers) {
        self.unfinished = self.unfinished.saturating_sub(items);
        if self.unfinished == 0 {
            for joiner in self.joiners.drain(..) {
                joiner.answer((), answers);
            }
        }
    }

    fn no_longer_open(&mut self, peer: PeerId) {
        if let Some(open) = self.open.get_mut(&peer) {
            *open = open.saturating_sub(1);
        }
    }

    /// Those who match wait no more, and what was sent to them is the first again.
    fn drop_all(&mut self, matches: impl Fn(Ticket) -> bool, answers: &mut Answers) {
        let getters = std::mem::take(&mut self.getters).into_iter();
        self.getters = getters.filter_map(|getter| kept(getter, &matches)).collect();
        let putters = std::mem::take(&mut self.putters).into_iter();
        self.putters = putters
            .filter_map(|(item, putter)| kept(putter, &matches).map(|putter| (item, putter)))
            .collect();
        let joiners = std::mem::take(&mut self.joiners).into_iter();
        self.joiners = joiners.filter_map(|joiner| kept(joiner, &matches)).collect();
        // The last that was sent is put back first, so that the first is in front of it.
        let (back, stay): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.sent).into_iter().partition(|(ticket, _)| matches(*ticket));
        self.sent = stay;
        for (ticket, item) in back.into_iter().rev() {
            self.no_longer_open(ticket.peer);
            self.put_first(item, answers);
        }
    }
}

/// The asker, unless it matches: then nobody waits there any more.
fn kept<R>(asker: Asker<R>, matches: &impl Fn(Ticket) -> bool) -> Option<Asker<R>> {
    if matches(asker.ticket()) {
        asker.forget();
        return None;
    }
    Some(asker)
}

impl<T: Portable> State for QueueState<T> {
    fn withdraw(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.collect(answers);
        self.drop_all(|other| other == ticket, answers);
    }

    fn accept(&mut self, ticket: Ticket) {
        // Nearly always the first: answers arrive in order.
        if let Some(at) = self.sent.iter().position(|(other, _)| *other == ticket) {
            self.sent.remove(at);
        }
    }

    fn peer_gone(&mut self, peer: PeerId, answers: &mut Answers) {
        // Nothing more comes from there, and what has come stays.
        self.collect(answers);
        self.lanes.retain(|lane| lane.peer != peer);
        self.drop_all(|other| other.peer == peer, answers);
        let lost = self.open.remove(&peer).unwrap_or(0).min(self.unfinished);
        self.lost += lost;
        self.finish(lost, answers);
    }
}

fn closed() -> ManagerError {
    ManagerError::new(
        ManagerErrorKind::QueueClosed,
        "the queue is closed: nothing can be put in any more, and nothing is left in it",
    )
}
