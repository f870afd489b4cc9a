//! What the pool's handle and its service share: the way of a job to a worker, the counts, the end.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;

use crossbeam_utils::CachePadded;
use manyhands_executor::{Home, Job, JobQueue, Rejected, RejectedReason, TaskError, TaskErrorKind};

use super::batch::{Batch, Ending, cancelled};
use super::builder::Settings;
use super::completer::Completer;
use super::flight::Flight;
use super::floor::Floor;
use super::statistics::Counts;
use crate::bell::Bell;
use crate::memory::attachments::Travel;

/// Set in `submitted` once no job is taken any more. The same word counts the jobs, so every job
/// was counted before the closing or is refused.
const CLOSED: u64 = 1 << 63;

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) home: Home,
    pub(super) queue: JobQueue,
    /// What wakes the service: one for all workers, and for those in this process who want something of
    /// it. Rung into, never heard: it is waited for by its edges.
    pub(super) bell: Bell,
    /// Whether the service sleeps and has to be woken for anything new.
    pub(super) asleep: AtomicBool,
    /// Whether somebody has said so since the service looked last.
    pub(super) poked: AtomicBool,
    /// How many tasks could be sent to workers now; a hint.
    pub(super) vacancies: AtomicUsize,
    submitted: CachePadded<AtomicU64>,
    finished: CachePadded<AtomicU64>,
    pub(super) cancel_queued: AtomicBool,
    /// Why the pool is broken, if it is.
    pub(super) broken: OnceLock<String>,
    pub(super) floor: Mutex<Floor>,
    /// What the service is to do.
    pub(super) wishes: Mutex<Wishes>,
    pub(super) counts: Counts,
    pub(super) completer: Completer,
    pub(super) ended: Mutex<Ended>,
    /// The processes of the workers.
    pub(super) pids: Mutex<Vec<u32>>,
}

/// What others want of the service.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// Tasks to be cancelled, by id.
    pub(super) cancel: Vec<u64>,
    /// All workers are to be killed.
    pub(super) kill_workers: bool,
    /// Everything is to be given up at once.
    pub(super) give_up: bool,
}

/// Whether the service has ended, and who waits for that.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) ended: bool,
    pub(super) waiting: Vec<Waker>,
}

impl Shared {
    pub(super) fn create(settings: Settings, bell: Bell) -> Arc<Shared> {
        let shared = Arc::new(Shared {
            home: Home::create(),
            queue: JobQueue::new(),
            bell,
            asleep: AtomicBool::new(false),
            poked: AtomicBool::new(false),
            vacancies: AtomicUsize::new(0),
            submitted: CachePadded::default(),
            finished: CachePadded::default(),
            cancel_queued: AtomicBool::new(false),
            broken: OnceLock::new(),
            floor: Mutex::new(Floor::new(settings.prefetch_depth, settings.tasks_max)),
            wishes: Mutex::default(),
            counts: Counts::default(),
            completer: Completer::new(&settings.name),
            ended: Mutex::default(),
            pids: Mutex::default(),
            settings,
        });
        let this: Weak<Shared> = Arc::downgrade(&shared);
        shared.home.set_remote(Weak::<Shared>::clone(&this));
        shared.home.set_workforce(this);
        shared
    }

    /// Takes a job and sees to it that a worker runs it.
    pub(super) fn submit(&self, job: Job) -> Result<(), Rejected> {
        if !job.is_portable() {
            return Err(Rejected::new(job, RejectedReason::NotPortable));
        }
        if let Some(why) = self.broken.get() {
            return Err(Rejected::new(job, RejectedReason::Broken(why.clone())));
        }
        if self.submitted.fetch_add(1, Ordering::SeqCst) & CLOSED != 0 {
            self.submitted.fetch_sub(1, Ordering::SeqCst);
            // It was counted for a moment, and the service may have seen that.
            self.nudge();
            return Err(Rejected::new(job, RejectedReason::ShutDown));
        }
        job.set_home(self.home);
        if self.vacancies.load(Ordering::Relaxed) > 0 && !self.queue.has_jobs() {
            self.send(job);
        } else {
            self.queue.push(job);
            fence(Ordering::SeqCst);
            // While all workers have enough, one that has done something wakes the service.
            if self.vacancies.load(Ordering::Relaxed) > 0 || self.wants_workers() {
                self.nudge();
            }
        }
        // What was pushed while the queue was being cleared must not stay behind.
        if self.is_clearing() {
            self.clear_queue();
        }
        Ok(())
    }

    /// Sends a job to a worker from here.
    fn send(&self, job: Job) {
        let mut batch = Batch::default();
        if let Some(flight) = self.encode(job, &mut batch) {
            let limited = flight.is_limited();
            let mut floor = self.floor();
            if let Some(flight) = floor.place(flight, &mut batch) {
                floor.ready.push_back(flight);
            }
            floor.flush();
            self.vacancies.store(floor.vacancies(), Ordering::Relaxed);
            let unusual = limited || !floor.ready.is_empty() || !floor.damaged.is_empty();
            drop(floor);
            fence(Ordering::SeqCst);
            if unusual || self.wants_workers() || self.is_clearing() {
                self.nudge();
            }
        }
        self.tell(&mut batch);
    }

    /// Copies arguments that wait for it, and sends their tasks.
    fn load(&self, batch: &mut Batch) {
        while let Some(loading) = batch.loading.pop_front() {
            let limited = loading.flight.is_limited();
            let loaded = loading.fill();
            let mut floor = self.floor();
            floor.load(loaded, batch);
            floor.place_ready(batch);
            floor.flush();
            self.vacancies.store(floor.vacancies(), Ordering::Relaxed);
            let unusual = limited || !floor.ready.is_empty() || !floor.damaged.is_empty();
            drop(floor);
            fence(Ordering::SeqCst);
            if unusual || self.is_clearing() {
                self.nudge();
            }
        }
    }

    /// Whether what has not begun is to end: then the service has to look at what was sent meanwhile.
    fn is_clearing(&self) -> bool {
        self.cancel_queued.load(Ordering::Relaxed) || self.broken.get().is_some()
    }

    /// Claims a job and encodes its argument; `None` if it has ended thereby.
    pub(super) fn encode(&self, job: Job, batch: &mut Batch) -> Option<Flight> {
        let mut travel = Travel::new();
        let dispatched = match job.dispatch_apart(&mut travel) {
            Ok(dispatched) => dispatched,
            Err(callbacks) => {
                self.completer.run(callbacks);
                self.count_finished(1);
                return None;
            }
        };
        match Flight::of(dispatched, travel.outgoing) {
            Ok(flight) => Some(flight),
            Err((dispatched, error)) => {
                batch.ended.push((dispatched, Ending::Failed(error)));
                None
            }
        }
    }

    /// Sends the tasks of a batch that are to be loaded, and ends those that have ended.
    pub(super) fn tell(&self, batch: &mut Batch) {
        self.load(batch);
        let count = batch.ended.len() as u64;
        if count == 0 {
            return;
        }
        for (dispatched, ending) in batch.ended.drain(..) {
            self.completer.complete(dispatched, ending, &batch.bytes);
        }
        batch.clear();
        self.count_finished(count);
    }

    fn count_finished(&self, count: u64) {
        self.finished.fetch_add(count, Ordering::SeqCst);
        if self.is_closed() && self.outstanding() == 0 {
            self.nudge();
        }
    }

    /// Whether there is work for one more worker than there are.
    pub(super) fn wants_workers(&self) -> bool {
        let staff = self.counts.staff.load(Ordering::Relaxed);
        staff < self.settings.workers && self.outstanding() > staff as u64
    }

    /// Has the service look at everything, and wakes it if it sleeps.
    pub(super) fn nudge(&self) {
        self.poked.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::AcqRel) {
            self.bell.ring();
        }
    }

    /// Jobs accepted and not ended.
    pub(super) fn outstanding(&self) -> u64 {
        let finished = self.finished.load(Ordering::SeqCst);
        let submitted = self.submitted.load(Ordering::SeqCst) & !CLOSED;
        submitted.saturating_sub(finished)
    }

    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    /// Refuses everything from now on.
    pub(super) fn close(&self) {
        self.submitted.fetch_or(CLOSED, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.submitted.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Ends what is queued: fails it if the pool is broken, cancels it otherwise.
    pub(super) fn clear_queue(&self) {
        while let Some(job) = self.queue.pop() {
            let error = self.broken_error().unwrap_or_else(cancelled);
            self.completer.run(job.fail_apart(error));
            self.count_finished(1);
        }
    }

    /// The error of tasks that the broken pool does not run any more.
    pub(super) fn broken_error(&self) -> Option<TaskError> {
        let why = self.broken.get()?;
        let reason = RejectedReason::Broken(why.clone());
        Some(TaskError::new(TaskErrorKind::Rejected, reason.to_string()))
    }

    pub(super) fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wish(&self, wish: impl FnOnce(&mut Wishes)) {
        wish(&mut self.wishes.lock().unwrap_or_else(PoisonError::into_inner));
        self.nudge();
    }

    pub(super) fn take_wishes(&self) -> Wishes {
        std::mem::take(&mut *self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn pids(&self) -> MutexGuard<'_, Vec<u32>> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
