//! What is under the pool's lock: the workers, and the tasks that are encoded and with nobody.

use std::collections::VecDeque;

use manyhands_executor::TaskError;

use super::batch::{Batch, cancelled};
use super::channel::{SlotState, Violation};
use super::flight::Flight;
use super::loading::Loaded;
use super::seat::{Seat, Stage};
use crate::memory::segment::Buffers;

/// The workers and the tasks between them.
pub(super) struct Floor {
    pub(super) seats: Vec<Seat>,
    /// Tasks that come before the queue: taken back, or encoded when there was room no more.
    pub(super) ready: VecDeque<Flight>,
    /// Tasks that are tried again, and when.
    pub(super) later: Vec<(u64, Flight)>,
    /// How many tasks a worker has at a time, if that is fixed.
    depth: Option<usize>,
    /// After how many tasks a worker is replaced.
    tasks_max: Option<u64>,
    /// Workers that wrote what cannot be, to be killed.
    pub(super) damaged: Vec<(usize, Violation)>,
    /// What outcomes are copied into.
    pub(super) buffers: Buffers,
    pub(super) stolen: u64,
    pub(super) recycled: u64,
    /// Whether nothing is begun any more: what was to be sent is cancelled.
    pub(super) cancelling: bool,
}

impl Floor {
    pub(super) fn new(depth: Option<usize>, tasks_max: Option<u64>) -> Floor {
        Floor {
            seats: Vec::new(),
            ready: VecDeque::new(),
            later: Vec::new(),
            depth,
            tasks_max,
            damaged: Vec::new(),
            buffers: Buffers::new(),
            stolen: 0,
            recycled: 0,
            cancelling: false,
        }
    }

    /// How many more tasks can be sent now.
    pub(super) fn vacancies(&self) -> usize {
        self.seats.iter().map(|seat| seat.room(self.depth, self.tasks_max)).sum()
    }

    /// Sends a task to the worker that has the fewest, or gives it back if all have enough. A task
    /// that was cancelled meanwhile ends here. One with a large argument gets a place, and is left in
    /// the batch to be [loaded](Self::load).
    pub(super) fn place(&mut self, flight: Flight, batch: &mut Batch) -> Option<Flight> {
        if self.cancelling || flight.dispatched.is_cancel_requested() {
            batch.fail(flight, cancelled());
            return None;
        }
        let (depth, tasks_max) = (self.depth, self.tasks_max);
        let free = self.seats.iter_mut().filter(|seat| seat.room(depth, tasks_max) > 0);
        let Some(seat) = free.min_by_key(|seat| seat.promised()) else { return Some(flight) };
        if flight.is_freight() {
            batch.loading.push_back(seat.keep_place(flight));
            return None;
        }
        let number = seat.number;
        self.send(number, flight);
        None
    }

    /// Sends a task whose argument was copied. If its worker takes none any more it is the first of
    /// those that come before the queue.
    pub(super) fn load(&mut self, loaded: Loaded, batch: &mut Batch) {
        let Loaded { seat: number, mut flight } = loaded;
        let cancelling = self.cancelling;
        let Some(seat) = self.seat(number) else {
            flight.forget_packed();
            self.ready.push_front(flight);
            return;
        };
        seat.give_up_place(&mut flight);
        if cancelling || flight.dispatched.is_cancel_requested() {
            seat.unpack(&mut flight);
            batch.fail(flight, cancelled());
        } else if seat.stage != Stage::Open {
            seat.unpack(&mut flight);
            self.ready.push_front(flight);
        } else {
            self.send(number, flight);
        }
    }

    /// Sends a task to this worker, which has room.
    fn send(&mut self, number: usize, flight: Flight) {
        let tasks_max = self.tasks_max;
        let Some(seat) = self.seat(number) else { return };
        if let Err(violation) = seat.send(flight) {
            // It is in the worker's list, and comes back when that has been killed.
            self.damage(number, violation);
        } else if tasks_max.is_some_and(|max| seat.assigned >= max) {
            seat.stage = Stage::Leaving;
            self.recycled += 1;
        }
    }

    /// Sends what comes before the queue.
    pub(super) fn place_ready(&mut self, batch: &mut Batch) {
        while let Some(flight) = self.ready.pop_front() {
            if let Some(flight) = self.place(flight, batch) {
                self.ready.push_front(flight);
                return;
            }
        }
    }

    /// Moves tasks that have not begun from workers that have some to workers that have nothing.
    pub(super) fn share(&mut self, batch: &mut Batch) {
        let (depth, tasks_max) = (self.depth, self.tasks_max);
        let is_idle = |seat: &Seat| seat.promised() == 0 && seat.room(depth, tasks_max) > 0;
        while self.ready.is_empty() && self.seats.iter().any(is_idle) {
            let busiest = self.seats.iter_mut().filter(|seat| seat.live() > 1);
            let Some(seat) = busiest.max_by_key(|seat| seat.live()) else { return };
            let taken = seat.revoke_newest(seat.live() / 2);
            if taken.is_empty() {
                return;
            }
            self.stolen += taken.len() as u64;
            self.ready = taken;
            self.place_ready(batch);
        }
    }

    /// Publishes everything that was written.
    pub(super) fn flush(&mut self) {
        for seat in &mut self.seats {
            if let Err(violation) = seat.flush() {
                self.damaged.push((seat.number, violation));
            }
        }
    }

    /// Takes what has come from all workers. Returns how many frames that was.
    pub(super) fn drain(&mut self, batch: &mut Batch) -> usize {
        let mut frames = 0;
        for seat in &mut self.seats {
            match seat.drain(batch) {
                Ok(count) => frames += count,
                Err(violation) => self.damaged.push((seat.number, violation)),
            }
        }
        frames
    }

    pub(super) fn damage(&mut self, number: usize, violation: Violation) {
        self.damaged.push((number, violation));
    }

    pub(super) fn seat(&mut self, number: usize) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.number == number)
    }

    /// Whether the code of this task has begun.
    pub(super) fn is_started(&self, id: u64) -> bool {
        self.seats.iter().any(|seat| {
            seat.number_of(id).is_some_and(|number| {
                !matches!(seat.slots.state(number), Ok(SlotState::Ready | SlotState::Revoked))
            })
        })
    }

    /// Whether this task is with a worker that has not begun it, or comes before the queue.
    pub(super) fn is_unbegun(&self, id: u64) -> bool {
        let ready = |seat: &Seat| {
            let number = seat.number_of(id);
            number.is_some_and(|number| matches!(seat.slots.state(number), Ok(SlotState::Ready)))
        };
        self.ready.iter().any(|flight| flight.id == id) || self.seats.iter().any(ready)
    }

    /// Takes a task that no worker has begun. `Err` says which worker runs it; `Ok(None)` that
    /// nobody has it.
    pub(super) fn take_unbegun(&mut self, id: u64) -> Result<Option<Flight>, (usize, u64)> {
        if let Some(at) = self.ready.iter().position(|flight| flight.id == id) {
            return Ok(self.ready.remove(at));
        }
        if let Some(at) = self.later.iter().position(|(_, flight)| flight.id == id) {
            return Ok(Some(self.later.swap_remove(at).1));
        }
        for seat in &mut self.seats {
            if let Some(number) = seat.number_of(id) {
                return match seat.revoke(number) {
                    Some(flight) => Ok(Some(flight)),
                    None => Err((seat.number, number)),
                };
            }
        }
        Ok(None)
    }

    /// Ends every task that has not begun with this error.
    pub(super) fn fail_unbegun(&mut self, error: &TaskError, batch: &mut Batch) {
        let later = std::mem::take(&mut self.later).into_iter().map(|(_, flight)| flight);
        let ready = std::mem::take(&mut self.ready).into_iter();
        ready.chain(later).for_each(|flight| batch.fail(flight, error.clone()));
        for seat in &mut self.seats {
            for flight in seat.revoke_newest(usize::MAX) {
                batch.fail(flight, error.clone());
            }
        }
    }

    /// Puts tasks that were taken back before everything else.
    pub(super) fn put_first(&mut self, flights: VecDeque<Flight>) {
        for flight in flights.into_iter().rev() {
            self.ready.push_front(flight);
        }
    }

    /// Workers that have not been asked to leave.
    pub(super) fn staff(&self) -> usize {
        self.seats.iter().filter(|seat| seat.stage != Stage::Leaving).count()
    }
}
