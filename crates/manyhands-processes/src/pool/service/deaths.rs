//! Workers that are dead: what they had written is taken, what they ran is lost, the rest goes back.

use std::sync::atomic::Ordering;

use manyhands_executor::{TaskError, WorkerDeath};

use super::Service;
use super::body::{Body, Life};
use crate::pool::channel::now_ns;
use crate::pool::seat::Stage;

/// How often a worker's memory is looked at.
const WEIGH_EVERY_NS: u64 = 50_000_000;

impl Body {
    /// Its descriptor is readable: it has ended, or, while it starts, it has something to say.
    pub(super) fn process_event(&mut self) {
        match &self.life {
            Life::Running { process, .. } => self.has_ended |= process.try_wait().is_some(),
            Life::Starting(_) => self.stirred = true,
        }
    }
}

impl Service {
    /// Sees to all workers that have ended.
    pub(super) fn bury_the_dead(&mut self) -> bool {
        let mut any = false;
        for at in (0..self.bodies.len()).rev() {
            if self.bodies[at].has_ended {
                self.bury(at);
                any = true;
            }
        }
        any
    }

    fn bury(&mut self, at: usize) {
        let mut death = self.death_of(at);
        let Service { shared, bodies, batch, .. } = self;
        let mut body = bodies.swap_remove(at);
        shared.pids().retain(|pid| *pid != death.pid);
        let mut floor = shared.floor();
        let Some(index) = floor.seats.iter().position(|seat| seat.number == body.number) else {
            return;
        };
        let mut seat = floor.seats.remove(index);
        // Everything that it wrote counts, up to where it makes no sense.
        let nonsense = loop {
            match seat.drain(batch) {
                Ok(1..) => {}
                Ok(0) => break None,
                Err(violation) => break Some(violation),
            }
        };
        death.killed_for = nonsense.map(|violation| violation.to_string());
        let (begun, waiting) = seat.dissolve();
        if !begun.is_empty()
            && let Some(voice) = &mut body.voice
        {
            death.stderr_tail = voice.tail_of_task();
        }
        floor.put_first(waiting);
        shared.vacancies.store(floor.vacancies(), Ordering::Relaxed);
        drop(floor);
        if seat.stage == Stage::Starting {
            if !body.unwanted {
                self.start_failed(&format!("before it was ready, {death}"));
            }
            return;
        }
        let asked = seat.stage == Stage::Leaving && begun.is_empty();
        if !asked {
            shared.counts.died.fetch_add(1, Ordering::Relaxed);
        }
        let of_escalation = body
            .escalation
            .filter(|escalation| escalation.has_signalled() || death.signal == Some(9));
        for flight in begun {
            match of_escalation {
                Some(escalation) => batch.fail(flight, escalation.error()),
                None => batch.lose(flight, TaskError::worker_died(death.clone())),
            }
        }
    }

    /// How a worker died, with its last words.
    fn death_of(&mut self, at: usize) -> WorkerDeath {
        let body = &self.bodies[at];
        let ended = match &body.life {
            Life::Running { process, .. } => process.try_wait(),
            Life::Starting(_) => None,
        };
        let pid = body.pid();
        let mut death = ended.map_or_else(|| WorkerDeath::of(pid), |ended| ended.death_of(pid));
        death.stderr_tail = self.last_words(at);
        death
    }

    fn last_words(&mut self, at: usize) -> String {
        let Service { bodies, herald, .. } = self;
        match &mut bodies[at].voice {
            Some(voice) => {
                voice.hear(|bytes| herald.tell(bytes));
                voice.tail()
            }
            None => String::new(),
        }
    }

    /// Adds what a worker that did not start has written.
    pub(super) fn add_last_words(&mut self, at: usize, why: &mut String) {
        let words = self.last_words(at);
        if !words.is_empty() {
            why.push_str("; its last words: ");
            why.push_str(&words);
        }
    }

    /// Kills workers that have written what cannot be.
    pub(super) fn kill_damaged(&mut self) {
        let damaged = std::mem::take(&mut self.shared.floor().damaged);
        for (number, violation) in damaged {
            let Some(body) = self.bodies.iter_mut().find(|body| body.number == number) else {
                continue;
            };
            let mut floor = self.shared.floor();
            if let Some(seat) = floor.seat(number)
                && seat.damaged.is_none()
            {
                seat.damaged = Some(violation);
                seat.stage = Stage::Leaving;
                let pid = body.pid();
                self.herald.tell(
                    format!("manyhands: the worker with pid {pid} is damaged and was killed: {violation}\n")
                        .as_bytes(),
                );
            }
            drop(floor);
            body.kill();
        }
    }

    /// Has workers leave that have grown too large.
    pub(super) fn weigh(&mut self) {
        let Service { shared, bodies, .. } = self;
        let Some(max) = shared.settings.resident_max else { return };
        let now = now_ns();
        for body in bodies {
            if now.saturating_sub(body.weighed_ns) < WEIGH_EVERY_NS {
                continue;
            }
            body.weighed_ns = now;
            if resident_bytes(body.pid()).is_none_or(|bytes| bytes <= max) {
                continue;
            }
            let mut floor = shared.floor();
            let Some(seat) = floor.seat(body.number) else { continue };
            if seat.stage == Stage::Open {
                seat.stage = Stage::Leaving;
                let taken = seat.revoke_newest(usize::MAX);
                floor.put_first(taken);
                floor.recycled += 1;
            }
        }
    }
}

/// How much memory a process has, as the system counts what is resident.
fn resident_bytes(pid: u32) -> Option<u64> {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let resident: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    Some(resident * rustix::param::page_size() as u64)
}
