//! New workers: when one is wanted, how far those are that start, and what if they do not.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::body::{Body, Life};
use super::{Service, remind};
use crate::image::EntryOffsets;
use crate::pool::channel::{Channel, now_ns};
use crate::pool::seat::{Seat, Stage};
use crate::pool::stderr::Voice;
use crate::pool::worker::Orders;
use crate::start::{Launch, Role, Started, Stderr, launch};

/// How starting goes.
pub(super) struct Recruiting {
    next_number: usize,
    /// Starts that failed since one has succeeded.
    failures: u32,
    /// No worker is started before this.
    not_before_ns: u64,
}

/// When so many starts in a row have failed and no worker is left, the pool is broken.
const FAILURES_MAX: u32 = 3;

impl Recruiting {
    pub(super) fn new() -> Recruiting {
        Recruiting { next_number: 0, failures: 0, not_before_ns: 0 }
    }
}

impl Service {
    /// Starts a worker if one is wanted.
    pub(super) fn recruit(&mut self) -> bool {
        let Service { shared, recruiting, next_ns, .. } = self;
        let settings = &shared.settings;
        let staff = shared.floor().staff();
        let outstanding = shared.outstanding();
        let eager = settings.eager && !shared.is_closed();
        let wanted = staff < settings.workers && (eager || outstanding > staff as u64);
        if !wanted || shared.broken.get().is_some() {
            return false;
        }
        if recruiting.not_before_ns > now_ns() {
            remind(next_ns, recruiting.not_before_ns);
            return false;
        }
        let number = recruiting.next_number;
        recruiting.next_number += 1;
        match self.launch(number) {
            Ok(()) => {
                self.shared.counts.started.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => self.start_failed(&why),
        }
        true
    }

    fn launch(&mut self, number: usize) -> Result<(), String> {
        let settings = &self.shared.settings;
        let initializer = match &settings.initializer {
            None => None,
            Some(initializer) => {
                let request = initializer.request().map_err(|error| error.to_string())?;
                let entry =
                    EntryOffsets::of(&request.entry()).map_err(|error| error.to_string())?;
                Some((entry, request.argument().to_vec()))
            }
        };
        let orders = postcard::to_stdvec(&Orders { initializer }).map_err(|e| e.to_string())?;
        let (channel, memory) = Channel::create()
            .map_err(|error| format!("there is no memory to share with a worker: {error}"))?;
        let starting = launch(&Launch {
            role: Role::PoolWorker,
            name: &format!("{}_{number}", settings.name),
            env: &settings.environment,
            clean_env: settings.clean_environment,
            memory_limit: settings.address_space_max,
            fds: &[memory.as_fd(), self.shared.bell.as_fd()],
            stderr: Stderr::Pipe,
            payload: &orders,
        });
        let mut starting = starting.map_err(|error| error.to_string())?;
        let voice = starting.take_stderr();
        let timeout = u64::try_from(settings.start_timeout.as_nanos()).unwrap_or(u64::MAX);
        let by_ns = now_ns().saturating_add(timeout);
        let mut body = Body::new(number, starting, channel.clone(), by_ns);
        let refused = |error: std::io::Error| format!("a worker cannot be listened to: {error}");
        if let Some(pipe) = voice {
            let voice = Voice::of(pipe, channel.stderr_meter()).map_err(refused)?;
            self.listen_to_voice(number, voice.as_fd()).map_err(refused)?;
            body.voice = Some(voice);
        }
        self.listen(number, body.fd()).map_err(refused)?;
        self.shared.pids().push(body.pid());
        self.bodies.push(body);
        let mut floor = self.shared.floor();
        let buffers = floor.buffers.clone();
        floor.seats.push(Seat::new(number, channel, buffers));
        Ok(())
    }

    /// Looks how far those are that start.
    pub(super) fn finish_starts(&mut self) -> bool {
        let mut changed = false;
        for at in (0..self.bodies.len()).rev() {
            let body = &mut self.bodies[at];
            if let Life::Starting(starting) = &mut body.life
                && (std::mem::take(&mut body.stirred) || body.channel.result_position() > 0)
                && !body.has_ended
            {
                match starting.try_finish() {
                    Ok(None) => {}
                    Ok(Some(started)) => {
                        changed = true;
                        if let Err(why) = self.has_reported(at, started) {
                            self.dismiss_unstarted(at, &why);
                            continue;
                        }
                    }
                    Err(error) => {
                        changed = true;
                        let mut why = error.to_string();
                        self.add_last_words(at, &mut why);
                        self.dismiss_unstarted(at, &why);
                        continue;
                    }
                }
            }
            changed |= self.look_for_readiness(at);
        }
        changed
    }

    fn has_reported(&mut self, at: usize, started: Started) -> Result<(), String> {
        let Started { process, control, service, .. } = started;
        // The line is for what this process says from now on.
        self.forget(control.as_fd());
        let body = &mut self.bodies[at];
        let number = body.number;
        let served = crate::manager::serve(process.pid(), service);
        let control = Arc::new(control);
        body.life = Life::Running { process, control: Arc::clone(&control) };
        if let Some(seat) = self.shared.floor().seat(number) {
            seat.control = Some(control);
        }
        let listening = self.listen(number, self.bodies[at].fd());
        served.and(listening).map_err(|error| format!("a worker cannot be listened to: {error}"))
    }

    /// Opens a worker whose initializer has run.
    fn look_for_readiness(&mut self, at: usize) -> bool {
        let Service { shared, bodies, recruiting, next_ns, .. } = self;
        let body = &mut bodies[at];
        let mut floor = shared.floor();
        let Some(seat) = floor.seat(body.number) else { return false };
        if seat.stage != Stage::Starting || body.has_ended {
            return false;
        }
        let has_reported = matches!(body.life, Life::Running { .. });
        if has_reported && let Some(outcome) = seat.ready.take() {
            let judged = match &shared.settings.initializer {
                Some(initializer) => {
                    drop(floor);
                    initializer.judge(&outcome)
                }
                None => {
                    drop(floor);
                    Ok(())
                }
            };
            match judged {
                Ok(()) => {
                    recruiting.failures = 0;
                    let mut floor = shared.floor();
                    if let Some(seat) = floor.seat(body.number) {
                        seat.stage = Stage::Open;
                    }
                    shared.vacancies.store(floor.vacancies(), Ordering::Relaxed);
                }
                Err(why) => self.break_pool(&why),
            }
            return true;
        }
        if body.start_by_ns > now_ns() {
            remind(next_ns, body.start_by_ns);
            return false;
        }
        drop(floor);
        let limit = shared.settings.start_timeout;
        let why = match &body.life {
            Life::Starting(starting) => starting.timed_out(limit).to_string(),
            Life::Running { .. } => format!("its initializer has not ended within {limit:?}"),
        };
        self.dismiss_unstarted(at, &why);
        true
    }

    /// Gives up a worker that has not come so far as to take tasks.
    pub(super) fn dismiss_unstarted(&mut self, at: usize, why: &str) {
        let body = self.bodies.swap_remove(at);
        self.shared.floor().seats.retain(|seat| seat.number != body.number);
        self.shared.pids().retain(|pid| *pid != body.pid());
        drop(body);
        self.start_failed(why);
    }

    /// A worker has not started: tries again after a while, unless that is in vain.
    pub(super) fn start_failed(&mut self, why: &str) {
        let Service { shared, recruiting, .. } = self;
        recruiting.failures += 1;
        let pause =
            Duration::from_millis(10) * 4_u32.saturating_pow(recruiting.failures.min(4) - 1);
        recruiting.not_before_ns = now_ns().saturating_add(pause.as_nanos() as u64);
        let works = shared.floor().seats.iter().any(|seat| seat.stage == Stage::Open);
        if recruiting.failures >= FAILURES_MAX && !works {
            let count = recruiting.failures;
            self.break_pool(&format!(
                "{count} workers in a row did not start; the last one: {why}"
            ));
        }
    }

    /// Nothing is taken any more, and nothing more is begun.
    pub(super) fn break_pool(&mut self, why: &str) {
        let shared = &self.shared;
        let _first_reason_stays = shared.broken.set(why.to_owned());
        shared.clear_queue();
        if let Some(error) = shared.broken_error() {
            shared.floor().fail_unbegun(&error, &mut self.batch);
        }
        for body in &mut self.bodies {
            let mut floor = shared.floor();
            if let Some(seat) = floor.seat(body.number)
                && seat.stage == Stage::Starting
            {
                drop(floor);
                body.kill();
            }
        }
    }
}
