//! Looking along who waits for whom, and the proof that a wait can never end.
//!
//! The argument is in the crate's `README.md`, "The wait-for graph".

mod explore;
mod settle;

use std::time::{Duration, Instant};

use crate::agent::Agent;
use crate::holder_ended::report_ended_holder;
use crate::identity::holds_up_a_turn;
use crate::primitive::{Ordering, fence};
use crate::publication::Publication;
use crate::report::is_deadlock_detection_on;
use crate::slot::Slot;
use settle::{Outcome, detect};

/// When to look again at contexts that were busy when they were looked at.
const BUSY: Duration = Duration::from_millis(1);
/// When to look again from a wait that keeps other tasks from being polled.
const HELD_UP: Duration = Duration::from_millis(20);

/// Looks whether the wait `publication`, which is shown already, is part of a deadlock, and breaks that.
/// Tells when to look again, if nothing could be told.
pub(crate) fn look_for_deadlock(publication: &Publication) -> Option<Instant> {
    let waiter = publication.waiter?;
    if !publication.is_provable() || !is_deadlock_detection_on() {
        return None;
    }
    // Orders this wait, shown before, against what is looked at now. Of contexts that show their waits
    // at the same time, the last one to come by here sees all the others.
    fence(Ordering::SeqCst);
    if !may_be_stuck(publication, waiter) {
        return None;
    }
    match detect(waiter) {
        Outcome::Settled => None,
        Outcome::LookAgain => Some(Instant::now() + BUSY),
    }
}

/// Like [`look_for_deadlock`], for a wait of this stack.
#[inline]
pub(crate) fn look_as_blocked(publication: &Publication) -> Option<Instant> {
    look_for_deadlock(publication).or_else(|| {
        // What it waits for may pass to a task that cannot go on because of this wait, and does not look.
        (publication.is_provable() && holds_up_a_turn()).then(|| Instant::now() + HELD_UP)
    })
}

/// Whether the wait is seen to depend on nobody but contexts that wait too. Most depend on somebody who
/// runs: then this one look is all there is to do.
fn may_be_stuck(publication: &Publication, waiter: Agent) -> bool {
    let waits = |agent: Agent| {
        let stops = |slot: &Slot| slot.shows_something() || slot.turn_of(agent).is_some();
        agent == waiter || agent.slot().is_some_and(stops)
    };
    let blockers = publication.blockers();
    if let Some(holder) = blockers.gone() {
        report_ended_holder(publication, waiter, holder);
    }
    blockers.conditions().any(|mut condition| condition.all(waits))
}
