//! A look at each worker that has tasks, now and then: whether its memory still says what can be.
//!
//! What becomes of tasks is told by a table that the worker writes, and by words for who sleeps. A
//! worker that has written over this memory may have lost the place of a task or a wake-up, and goes
//! on as if nothing were. Nobody would ever hear of such a task again, and no limit would end it.

use super::{Service, remind};
use crate::pool::channel::{SlotState, Violation, now_ns};
use crate::pool::seat::Seat;

/// How often workers that have tasks are looked at.
const EVERY_NS: u64 = 1_000_000_000;

impl Service {
    /// Looks at all workers that have tasks, if it is time.
    pub(super) fn inspect(&mut self) {
        let Service { shared, next_ns, inspect_ns, .. } = self;
        let now = now_ns();
        if now < *inspect_ns {
            remind(next_ns, *inspect_ns);
            return;
        }
        let mut floor = shared.floor();
        let (mut any, mut damaged) = (false, Vec::new());
        for seat in floor.seats.iter().filter(|seat| seat.live() > 0) {
            any = true;
            match check(seat) {
                Ok(()) => seat.channel.worker_alarm().wake(),
                Err(violation) => damaged.push((seat.number, violation)),
            }
        }
        if any {
            *inspect_ns = now.saturating_add(EVERY_NS);
            remind(next_ns, *inspect_ns);
        }
        floor.damaged.extend(damaged);
    }
}

/// Holds the table against what the parent knows.
fn check(seat: &Seat) -> Result<(), Violation> {
    for (number, _) in seat.flights() {
        match seat.slots.state(number)? {
            SlotState::Started { at_ns } if at_ns > now_ns() => {
                return Err(Violation("a task has begun at a time that has not come"));
            }
            // The result is published before that is said, and taken under the lock that is held here.
            SlotState::Finished if !seat.has_results() => {
                return Err(Violation("a task is said to have a result, and there is none"));
            }
            SlotState::Revoked => {
                return Err(Violation("a task is said to be taken back, and was not"));
            }
            SlotState::Ready | SlotState::Started { .. } | SlotState::Finished => {}
        }
    }
    Ok(())
}
