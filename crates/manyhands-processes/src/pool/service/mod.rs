//! The service: the one thread of a pool that takes results, sends tasks, and sees to the workers.

mod body;
mod deaths;
mod endings;
mod inspection;
mod recruiting;
mod sleep;

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use rustix::event::epoll;

use super::batch::{Batch, cancelled};
use super::channel::now_ns;
use super::flight::Flight;
use super::seat::Stage;
use super::shared::Shared;
use super::stderr::Herald;
use body::Body;
use recruiting::Recruiting;

/// The thread's own part of the pool.
pub(super) struct Service {
    shared: Arc<Shared>,
    epoll: OwnedFd,
    bodies: Vec<Body>,
    batch: Batch,
    /// Encoded tasks on their way to a worker; empty between turns.
    encoded: Vec<Flight>,
    recruiting: Recruiting,
    herald: Herald,
    /// When something has to be done even if nothing happens.
    next_ns: Option<u64>,
    /// When memory is given back next.
    trim_ns: u64,
    /// When workers are looked at next.
    inspect_ns: u64,
    /// How many frames came in the last turn in which some did.
    last_frames: usize,
}

/// How many jobs are encoded before they are sent.
const ENCODE_MAX: usize = 64;

/// How long a worker that was told to end may take.
const LEAVE: Duration = Duration::from_secs(5);

/// When to look again whether a worker takes descriptors.
const LOOK_AGAIN_NS: u64 = 1_000_000;

/// How long memory for large payloads is kept unused.
const IDLE: Duration = Duration::from_secs(2);

/// Starts the service of a pool.
///
/// # Errors
/// If the system grants no thread or no descriptor.
pub(super) fn start(shared: Arc<Shared>) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    sleep::listen_to_bell(&epoll, &shared.bell)?;
    let name = format!("{} service", shared.settings.name).replace('\0', "");
    let service = Service {
        recruiting: Recruiting::new(),
        herald: Herald::default(),
        shared,
        epoll,
        bodies: Vec::new(),
        batch: Batch::default(),
        encoded: Vec::new(),
        next_ns: None,
        trim_ns: 0,
        inspect_ns: 0,
        last_frames: 0,
    };
    std::thread::Builder::new().name(name).spawn(move || service.live()).map(drop)
}

impl Service {
    /// Serves until the pool is over, and says so, whatever happens.
    fn live(mut self) {
        self.shared.serve_here();
        let shared = Arc::clone(&self.shared);
        if catch_unwind(AssertUnwindSafe(|| self.serve())).is_err() {
            // The panic hook has told what. Nobody may wait for what never comes.
            let _first_reason_stays = shared.broken.set("its service panicked".to_owned());
            shared.close();
            let mut floor = shared.floor();
            let seats = std::mem::take(&mut floor.seats);
            let flights = (std::mem::take(&mut floor.ready), std::mem::take(&mut floor.later));
            drop(floor);
            drop((seats, flights)); // their tasks are lost
            shared.clear_queue();
        }
        let herald = std::mem::take(&mut self.herald);
        // The workers that are left are killed and reaped with this.
        drop(self);
        shared.completer.finish();
        herald.finish();
        let mut ended = shared.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ended.ended = true;
        let waiting = std::mem::take(&mut ended.waiting);
        drop(ended);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn serve(&mut self) {
        loop {
            let worked = self.turn();
            if self.is_over() {
                return;
            }
            if !worked {
                self.rest();
            }
        }
    }

    fn is_over(&self) -> bool {
        self.bodies.is_empty() && self.shared.is_closed() && self.shared.outstanding() == 0
    }

    /// Does what there is to do; false if there was nothing.
    fn turn(&mut self) -> bool {
        let poked = self.shared.poked.swap(false, Ordering::AcqRel);
        self.next_ns = None;
        for body in &mut self.bodies {
            body.remember_position();
        }
        if poked {
            self.grant_wishes();
        }
        let frames = self.take_results();
        self.fill();
        let told = !self.batch.is_empty();
        self.shared.tell(&mut self.batch);
        let changed = self.see_to_workers() || !self.batch.is_empty();
        if frames > 0 {
            self.last_frames = frames;
        }
        frames > 0 || told || changed
    }

    /// Takes the results, and sends what comes before the queue.
    fn take_results(&mut self) -> usize {
        let Service { shared, batch, next_ns, .. } = self;
        let mut floor = shared.floor();
        let frames = floor.drain(batch);
        if !batch.again.is_empty() {
            shared.counts.retried.fetch_add(batch.again.len() as u64, Ordering::Relaxed);
            floor.later.append(&mut batch.again);
        }
        if !floor.later.is_empty() {
            let now = now_ns();
            let due = floor.later.extract_if(.., |(at, _)| *at <= now);
            let due: Vec<Flight> = due.map(|(_, flight)| flight).collect();
            floor.ready.extend(due);
            for (at, _) in &floor.later {
                remind(next_ns, *at);
            }
        }
        if floor.seats.iter().any(|seat| seat.is_blocked()) {
            remind(next_ns, now_ns().saturating_add(LOOK_AGAIN_NS));
        }
        floor.place_ready(batch);
        if !shared.queue.has_jobs() {
            floor.share(batch);
        }
        floor.flush();
        shared.vacancies.store(floor.vacancies(), Ordering::Relaxed);
        frames
    }

    /// Sends jobs from the queue to workers that have room.
    fn fill(&mut self) {
        let Service { shared, batch, encoded, .. } = self;
        loop {
            let vacancies = shared.vacancies.load(Ordering::Relaxed);
            if vacancies == 0 {
                return;
            }
            // Encoding calls code of the program's: not under the lock.
            while encoded.len() < vacancies.min(ENCODE_MAX)
                && let Some(job) = shared.queue.pop()
            {
                encoded.extend(shared.encode(job, batch));
            }
            if encoded.is_empty() {
                return;
            }
            let mut floor = shared.floor();
            for flight in encoded.drain(..) {
                if let Some(flight) = floor.place(flight, batch) {
                    floor.ready.push_back(flight);
                }
            }
            floor.flush();
            shared.vacancies.store(floor.vacancies(), Ordering::Relaxed);
        }
    }

    fn grant_wishes(&mut self) {
        let wishes = self.shared.take_wishes();
        for id in wishes.cancel {
            self.cancel(id);
        }
        if wishes.kill_workers || wishes.give_up {
            for body in &mut self.bodies {
                body.kill();
            }
        }
        if self.shared.cancel_queued.load(Ordering::Acquire) {
            self.shared.clear_queue();
            self.shared.floor().fail_unbegun(&cancelled(), &mut self.batch);
        } else if let Some(error) = self.shared.broken_error() {
            // What was on its way to a worker when the pool broke.
            self.shared.floor().fail_unbegun(&error, &mut self.batch);
        }
    }

    /// Workers that died, start, have to be ended, have to leave, are wanted.
    fn see_to_workers(&mut self) -> bool {
        let mut changed = self.bury_the_dead();
        self.inspect();
        self.kill_damaged();
        changed |= self.finish_starts();
        self.enforce_limits();
        self.weigh();
        self.trim();
        self.dismiss();
        changed |= self.recruit();
        let staff = self.shared.floor().staff();
        self.shared.counts.staff.store(staff, Ordering::Relaxed);
        changed
    }

    /// Gives back memory for large payloads that was not used for a while.
    fn trim(&mut self) {
        let Service { shared, next_ns, trim_ns, .. } = self;
        let now = now_ns();
        if now < *trim_ns {
            remind(next_ns, *trim_ns);
            return;
        }
        let mut floor = shared.floor();
        let mut any = floor.buffers.kept_bytes() > 0;
        for seat in &mut floor.seats {
            any |= seat.trim(IDLE);
        }
        let buffers = floor.buffers.clone();
        drop(floor);
        buffers.trim(IDLE);
        if any {
            *trim_ns = now.saturating_add(IDLE.as_nanos() as u64);
            remind(next_ns, *trim_ns);
        }
    }

    /// Has workers leave that are not needed any more, and end when they have no task left.
    fn dismiss(&mut self) {
        let Service { shared, bodies, next_ns, .. } = self;
        let over = shared.is_closed() && shared.outstanding() == 0;
        let all_leave = over || shared.broken.get().is_some();
        let mut floor = shared.floor();
        for body in bodies {
            let Some(seat) = floor.seat(body.number) else { continue };
            if all_leave && seat.stage == Stage::Open {
                seat.stage = Stage::Leaving;
            }
            if over && seat.stage == Stage::Starting {
                body.kill();
            }
            if seat.stage == Stage::Leaving && seat.live() == 0 && !seat.is_behind() {
                body.dismiss(seat, now_ns().saturating_add(LEAVE.as_nanos() as u64));
            }
            body.kill_if_late(next_ns);
        }
    }
}

/// Something is to be done at this time.
fn remind(next_ns: &mut Option<u64>, at: u64) {
    *next_ns = Some(next_ns.map_or(at, |next| next.min(at)));
}
