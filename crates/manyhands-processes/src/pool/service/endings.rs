//! Tasks that are to end before they want to: by a cancellation, or because their time is over.
//!
//! One that has not begun is taken back. One that runs is asked first, by a mark in the table of
//! tasks and a word that wakes what it waits for. After a while its worker gets SIGTERM, and after
//! another it is killed. What the worker had besides is taken back before the first signal; only if
//! the task is still running then is there a signal, so no other task can be hit by it.

use rustix::process::Signal;

use super::body::{Body, Life};
use super::{Service, remind};
use crate::pool::batch::{Batch, cancelled, timed_out_and_killed, timed_out_unbegun};
use crate::pool::channel::{NEVER, SlotState, now_ns, send_word};
use crate::pool::floor::Floor;
use crate::pool::seat::Stage;
use manyhands_executor::TaskError;

/// A running task that is being ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Escalation {
    /// Its number at the worker.
    pub(super) number: u64,
    cause: Cause,
    step: Step,
    /// When the next step is due.
    at_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Cancelled,
    TimedOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It was asked.
    Asked,
    /// Its worker has got SIGTERM.
    Terminated,
    /// Its worker was killed.
    Killed,
}

impl Escalation {
    /// What the task ends with if its worker dies of this.
    pub(super) fn error(&self) -> TaskError {
        match self.cause {
            Cause::Cancelled => cancelled(),
            Cause::TimedOut => timed_out_and_killed(),
        }
    }

    /// Whether the worker was sent a signal.
    pub(super) fn has_signalled(&self) -> bool {
        self.step != Step::Asked
    }
}

impl Service {
    /// Ends the task of this id, which was asked to end.
    pub(super) fn cancel(&mut self, id: u64) {
        let Service { shared, bodies, batch, .. } = self;
        let mut floor = shared.floor();
        match floor.take_unbegun(id) {
            Ok(Some(flight)) => batch.cancel(flight),
            // It has ended, or is being encoded, and then it is looked at once more.
            Ok(None) => {}
            Err((seat, number)) => {
                if let Some(body) = bodies.iter_mut().find(|body| body.number == seat) {
                    let grace = shared.settings.grace.as_nanos() as u64;
                    begin(body, &floor, number, Cause::Cancelled, grace);
                }
            }
        }
    }

    /// Looks at every task that has a limit, and goes on with what is being ended.
    pub(super) fn enforce_limits(&mut self) {
        let Service { shared, bodies, batch, next_ns, .. } = self;
        let grace = shared.settings.grace.as_nanos() as u64;
        let is_watched = |body: &Body| body.escalation.is_some();
        let mut floor = shared.floor();
        let limited = floor.seats.iter().any(|seat| seat.limited > 0);
        if !limited
            && floor.later.is_empty()
            && floor.ready.is_empty()
            && !bodies.iter().any(is_watched)
        {
            return;
        }
        let now = now_ns();
        expire_unplaced(&mut floor, batch, now, next_ns);
        for body in bodies {
            expire_unbegun(body, &mut floor, batch, now, next_ns);
            if let Some(number) = overdue(body, &floor, now, next_ns) {
                begin(body, &floor, number, Cause::TimedOut, grace);
            }
            go_on(body, &mut floor, now, grace, next_ns, &shared.counts.killed);
        }
        floor.place_ready(batch);
        floor.flush();
    }
}

/// Asks a running task to end.
fn begin(body: &mut Body, floor: &Floor, number: u64, cause: Cause, grace: u64) {
    if body.escalation.is_some() {
        return;
    }
    let Some(seat) = floor.seats.iter().find(|seat| seat.number == body.number) else { return };
    if cause == Cause::Cancelled {
        if !seat.slots.cancel(number) {
            return; // it has just ended
        }
        if let Life::Running { control, .. } = &body.life {
            // The line is full only if the worker has been told often enough.
            let _told_already = send_word(control);
        }
    }
    // The worker knows the time itself; a mark would only make it take the one for the other.
    let at_ns = now_ns().saturating_add(grace);
    body.escalation = Some(Escalation { number, cause, step: Step::Asked, at_ns });
}

/// Ends tasks with nobody whose deadline has passed.
fn expire_unplaced(floor: &mut Floor, batch: &mut Batch, now: u64, next_ns: &mut Option<u64>) {
    let is_late = |deadline: u64| deadline != NEVER && deadline <= now;
    let ready = std::mem::take(&mut floor.ready);
    for flight in ready {
        if is_late(flight.deadline_ns) {
            batch.fail(flight, timed_out_unbegun());
        } else {
            floor.ready.push_back(flight);
        }
    }
    let late: Vec<_> =
        floor.later.extract_if(.., |(_, flight)| is_late(flight.deadline_ns)).collect();
    late.into_iter().for_each(|(_, flight)| batch.fail(flight, timed_out_unbegun()));
    let waiting = floor.ready.iter().chain(floor.later.iter().map(|(_, flight)| flight));
    for flight in waiting.filter(|flight| flight.deadline_ns != NEVER) {
        remind(next_ns, flight.deadline_ns);
    }
}

/// Takes back tasks whose deadline has passed before they began.
fn expire_unbegun(
    body: &Body,
    floor: &mut Floor,
    batch: &mut Batch,
    now: u64,
    next_ns: &mut Option<u64>,
) {
    let Some(seat) = floor.seat(body.number).filter(|seat| seat.limited > 0) else { return };
    let with_deadline = seat.flights().filter(|(_, flight)| flight.deadline_ns != NEVER);
    let deadlines: Vec<_> =
        with_deadline.map(|(number, flight)| (number, flight.deadline_ns)).collect();
    for (number, deadline) in deadlines {
        if deadline > now {
            remind(next_ns, deadline);
        } else if let Some(flight) = seat.revoke(number) {
            batch.fail(flight, timed_out_unbegun());
        }
    }
}

/// The running task, if its time is over.
fn overdue(body: &Body, floor: &Floor, now: u64, next_ns: &mut Option<u64>) -> Option<u64> {
    let seat = floor.seats.iter().find(|seat| seat.number == body.number)?;
    if seat.limited == 0 {
        return None;
    }
    for (_, flight) in seat.flights().filter(|(_, flight)| flight.limit_ns != 0) {
        // One that has not begun may begin at once, and is over at the earliest then.
        remind(next_ns, now.saturating_add(flight.limit_ns));
    }
    let (number, started_ns) = seat.running()?;
    let (_, flight) = seat.flights().find(|(other, _)| *other == number)?;
    match flight.end_ns(started_ns) {
        NEVER => None,
        end if end <= now => body.escalation.is_none().then_some(number),
        end => {
            remind(next_ns, end);
            None
        }
    }
}

/// Takes the next step, if it is time.
fn go_on(
    body: &mut Body,
    floor: &mut Floor,
    now: u64,
    grace: u64,
    next_ns: &mut Option<u64>,
    killed: &std::sync::atomic::AtomicU64,
) {
    let Some(escalation) = body.escalation.as_mut() else { return };
    let number = escalation.number;
    let Some(seat) = floor.seat(body.number) else { return };
    let runs = |seat: &crate::pool::seat::Seat| {
        matches!(seat.slots.state(number), Ok(SlotState::Started { .. }))
            && seat.flights().any(|(other, _)| other == number)
    };
    if escalation.step == Step::Asked && !runs(seat) {
        body.escalation = None;
        return;
    }
    if escalation.step == Step::Killed {
        return;
    }
    if escalation.at_ns > now {
        remind(next_ns, escalation.at_ns);
        return;
    }
    escalation.at_ns = now.saturating_add(grace);
    let signal = if escalation.step == Step::Asked {
        let taken = seat.revoke_newest(usize::MAX);
        let still_runs = runs(seat);
        if still_runs {
            seat.stage = Stage::Leaving;
        }
        floor.put_first(taken);
        if !still_runs {
            body.escalation = None;
            return;
        }
        killed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        escalation.step = Step::Terminated;
        remind(next_ns, escalation.at_ns);
        Signal::TERM
    } else {
        escalation.step = Step::Killed;
        Signal::KILL
    };
    body.signal(signal);
}
