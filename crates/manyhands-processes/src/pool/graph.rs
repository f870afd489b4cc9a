//! The pool in the wait-for graph of its process: whom somebody waits for who waits for a task that no
//! worker has begun, or for the end of the pool.
//!
//! What a worker does is known while its task waits for something managed of this process: then the task
//! has an agent here ([`waits_as`]). A task that has not begun waits for any of the workers, since what is
//! sent to one that has something to do is taken back for another that has not; and if all there may be
//! wait so, none of them comes free. The same tasks keep the pool from its end, each for itself.
//!
//! In doubt it may end: a worker that starts, leaves, has written nonsense or has nothing to do; one whose
//! task computes, waits for something unknown, or has to be ended at some time, because its worker is
//! killed then; and a task that is on its way between the queue and a worker, which may fail there.

use std::fmt;

use manyhands_executor::{Remote, TaskHandle, Workforce};
use manyhands_wait::{Agent, Blockers, Reason, Relief, Resource};

use super::floor::Floor;
use super::seat::{Seat, Stage};
use super::shared::Shared;
use crate::manager::waits_as;

pub(super) static END: Reason = Reason::new("end of a pool of processes");

impl Remote for Shared {
    fn cancel(&self, task: u64) {
        self.wish(|wishes| wishes.cancel.push(task));
    }

    fn is_started(&self, task: u64) -> bool {
        self.floor().is_started(task)
    }

    fn runs_as(&self, task: u64) -> Option<Agent> {
        waits_as(task)
    }

    fn blockers(&self, task: u64, blockers: &mut Blockers) {
        match waits_as(task) {
            Some(agent) => blockers.any_of(agent),
            None => {
                let floor = self.floor();
                match floor.is_unbegun(task) {
                    true => self.blockers_of_unbegun(&floor, blockers),
                    false => blockers.may_end(),
                }
            }
        }
    }
}

impl Workforce for Shared {
    fn blockers(&self, blockers: &mut Blockers) {
        self.blockers_of_unbegun(&self.floor(), blockers);
    }

    /// A pool of processes does not grow: a worker is a process, and to start one takes its time.
    fn relieve(&self, _awaited: Option<&TaskHandle>) -> Option<Relief> {
        None
    }
}

impl Shared {
    fn blockers_of_unbegun(&self, floor: &Floor, blockers: &mut Blockers) {
        if self.broken.get().is_some() || floor.seats.len() < self.settings.workers {
            return blockers.may_end();
        }
        for seat in &floor.seats {
            match stopped(floor, seat) {
                Some(agent) => blockers.any_of(agent),
                None => return blockers.may_end(),
            }
        }
    }
}

/// As whom the task of this worker waits, without which it neither begins another one nor ends.
fn stopped(floor: &Floor, seat: &Seat) -> Option<Agent> {
    let flight = seat.running_flight().filter(|flight| !flight.is_limited())?;
    let is_sound = seat.stage == Stage::Open && floor.damaged.is_empty();
    waits_as(flight.id).filter(|_| is_sound)
}

/// The end of the pool, as something to wait for.
pub(super) struct EndEdge<'a>(pub(super) &'a Shared);

impl Resource for EndEdge<'_> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        let floor = self.0.floor();
        for agent in floor.seats.iter().filter_map(|seat| stopped(&floor, seat)) {
            blockers.all_of(agent);
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "end of process pool '{}' (tasks left: {})",
            self.0.settings.name,
            self.0.outstanding()
        )
    }

    fn is_from_outside(&self) -> bool {
        let floor = self.0.floor();
        floor.seats.is_empty() || floor.seats.iter().any(|seat| stopped(&floor, seat).is_none())
    }
}
