//! What the pool's handle and its workers share: the counts, and the way of a job into the queue.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;

use crossbeam_utils::CachePadded;
use manyhands_executor::{Home, Job, JobQueue, Rejected, RejectedReason, TaskError};
use manyhands_wait::Agent;

use super::builder::{Initializer, ThreadPoolBuilder};
use super::room::Room;
use super::sleep::Sleep;
use super::{lifecycle, worker};

/// Set in `submitted` once no job is taken any more. The same word counts the jobs, so every job
/// was counted before the closing or is refused.
const CLOSED: u64 = 1 << 63;

pub(crate) struct Shared {
    pub(super) this: Weak<Shared>,
    pub(super) workers_max: usize,
    pub(super) name_prefix: String,
    pub(super) initializer: Option<Initializer>,
    pub(super) stack_bytes: Option<usize>,
    pub(super) daemon: bool,
    pub(super) room: Option<Room>,
    pub(super) home: Home,
    pub(super) queue: JobQueue,
    pub(super) sleep: Sleep,
    submitted: CachePadded<AtomicU64>,
    /// Mirrors `CLOSED` for workers, who must not fight for the word that submitters write.
    pub(super) closing: AtomicBool,
    /// Whether jobs that were accepted before the closing are cancelled.
    pub(super) cancel_queued: AtomicBool,
    /// Jobs that ended without a worker.
    cleared: AtomicU64,
    /// Why the pool is broken, if it is.
    pub(super) broken: OnceLock<String>,
    /// Live workers, written under the lock of `roster`.
    pub(super) alive: AtomicUsize,
    /// Workers whose job has declared that it blocks.
    pub(super) blocked: AtomicUsize,
    /// Workers beyond those, started because all were proven to wait for what is queued.
    pub(super) relief: AtomicUsize,
    pub(super) relief_max: usize,
    roster: Mutex<Roster>,
}

/// The workers.
#[derive(Default)]
pub(super) struct Roster {
    pub(super) slots: Vec<Arc<Slot>>,
    /// Jobs finished by workers that are gone.
    pub(super) finished_by_gone: u64,
    pub(super) next_number: usize,
    pub(super) started: u64,
    pub(super) peak: usize,
    /// Those who wait for the end of the pool.
    pub(super) waiting_for_end: Vec<Waker>,
}

/// One worker's counters, written by it alone.
pub(super) struct Slot {
    pub(super) number: usize,
    pub(super) finished: CachePadded<AtomicU64>,
    pub(super) running: AtomicBool,
    /// As which context it works; known once its thread has begun.
    pub(super) agent: OnceLock<Agent>,
}

impl Slot {
    /// Whether it waits for something. Asked under the lock of the roster, so it must not lock what a
    /// walk along the wait-for graph has locked when it comes to the roster.
    fn is_stopped(&self) -> bool {
        self.agent.get().is_some_and(|agent| agent.is_waiting())
    }
}

/// A pool at one moment; made by [`ThreadPool::statistics`](crate::ThreadPool::statistics). The
/// figures are read one after the other, so they may not add up while the pool is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The greatest number of threads at work.
    pub workers_max: usize,
    /// Threads alive now.
    pub workers: usize,
    /// The most that were alive at a time.
    pub workers_peak: usize,
    /// Threads started so far.
    pub started: u64,
    /// Threads without a job now.
    pub idle: usize,
    /// Threads whose job has declared that it blocks.
    pub blocked: usize,
    /// Threads beyond the greatest number, started because all others were proven to wait for jobs in
    /// the queue.
    pub relief: usize,
    /// Jobs that run now.
    pub running: usize,
    /// Jobs that wait in the queue.
    pub queued: usize,
    /// Jobs that have ended, well or not.
    pub finished: u64,
}

impl Shared {
    pub(super) fn create(config: ThreadPoolBuilder, workers_max: usize) -> Arc<Shared> {
        let shared = Arc::new_cyclic(|this: &Weak<Shared>| Shared {
            this: Weak::clone(this),
            workers_max,
            name_prefix: config.name_prefix.unwrap_or_default(),
            initializer: config.initializer,
            stack_bytes: config.stack_bytes,
            daemon: config.daemon,
            room: config.queue_bound.map(Room::new),
            home: Home::create(),
            queue: JobQueue::new(),
            sleep: Sleep::new(),
            submitted: CachePadded::default(),
            closing: AtomicBool::new(false),
            cancel_queued: AtomicBool::new(false),
            cleared: AtomicU64::new(0),
            broken: OnceLock::new(),
            alive: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
            relief: AtomicUsize::new(0),
            relief_max: config.relief.unwrap_or(ThreadPoolBuilder::DEFAULT_RELIEF),
            roster: Mutex::default(),
        });
        shared.home.set_workforce(Weak::<Shared>::clone(&shared.this));
        lifecycle::register(&shared);
        shared
    }

    /// Takes a job into the queue and sees to it that somebody runs it.
    #[track_caller]
    pub(super) fn submit(self: &Arc<Self>, job: Job, wait_for_room: bool) -> Result<(), Rejected> {
        if let Some(why) = self.broken.get() {
            return Err(Rejected::new(job, RejectedReason::Broken(why.clone())));
        }
        if self.closing.load(Ordering::Acquire) || (crate::exit::is_exiting() && !self.daemon) {
            return Err(Rejected::new(job, RejectedReason::ShutDown));
        }
        if let Some(room) = &self.room {
            if self.home.is_here() {
                room.take_anyway();
            } else if wait_for_room {
                if let Err(deadlock) = room.take(&**self) {
                    job.fail(TaskError::from(deadlock));
                    return Ok(());
                }
            } else if !room.try_take() {
                return Err(Rejected::new(job, RejectedReason::Full));
            }
        }
        if self.submitted.fetch_add(1, Ordering::SeqCst) & CLOSED != 0 {
            self.submitted.fetch_sub(1, Ordering::SeqCst);
            self.leave_queue();
            // It was counted for a moment. Who saw that, and sleeps because there seemed to be
            // something left to do, has to look again.
            self.sleep.wake_all();
            self.wake_waiting_for_end();
            return Err(Rejected::new(job, RejectedReason::ShutDown));
        }
        job.set_home(self.home);
        self.queue.push(job);
        self.see_to_the_queue();
        // What was pushed while the queue was being cleared must not stay behind.
        if self.broken.get().is_some() || self.cancel_queued.load(Ordering::Relaxed) {
            self.clear_queue();
        }
        Ok(())
    }

    /// Starts a worker if all are busy and one more is allowed; else wakes one.
    pub(super) fn see_to_the_queue(self: &Arc<Self>) {
        if self.alive.load(Ordering::Relaxed) < self.allowed() {
            let mut roster = self.roster();
            let alive = roster.slots.len();
            if alive < self.allowed() && self.outstanding_with(&roster) > alive as u64 {
                worker::start(self, &mut roster, None);
                return;
            }
        }
        self.sleep.notify();
    }

    /// How many workers there may be.
    pub(super) fn allowed(&self) -> usize {
        self.workers_max
            + self.blocked.load(Ordering::Relaxed)
            + self.relief.load(Ordering::Relaxed)
    }

    /// Whether there are more workers than there may be, because one that was blocked goes on.
    pub(super) fn has_surplus(&self) -> bool {
        self.alive.load(Ordering::Relaxed) > self.allowed()
    }

    /// Takes a worker off the roster if there is one too many; not the last one that could begin what
    /// is queued.
    pub(super) fn retire_if_surplus(&self, slot: &Arc<Slot>) -> bool {
        let mut roster = self.roster();
        if roster.slots.len() <= self.allowed() || !self.can_spare(&roster, slot) {
            return false;
        }
        self.strike(&mut roster, slot);
        true
    }

    /// Whether the others can do without this worker, which has no job. If all of them wait, and there
    /// are jobs, they may wait for these, and none of them would find out: who closes a circle of
    /// waits looks for it, and this one would close it by leaving. Asked under the lock of the
    /// roster, so that one that begins to wait afterwards, and looks, finds this one gone.
    pub(super) fn can_spare(&self, roster: &Roster, slot: &Arc<Slot>) -> bool {
        let others = || roster.slots.iter().filter(|other| !Arc::ptr_eq(other, slot));
        !self.queue.has_jobs() || others().any(|other| !other.is_stopped())
    }

    /// Takes a worker off the roster, if it is on it.
    pub(super) fn strike(&self, roster: &mut Roster, slot: &Arc<Slot>) {
        let before = roster.slots.len();
        roster.slots.retain(|other| !Arc::ptr_eq(other, slot));
        if roster.slots.len() < before {
            roster.finished_by_gone += slot.finished.load(Ordering::Relaxed);
            self.alive.store(roster.slots.len(), Ordering::SeqCst);
        }
    }

    /// Jobs accepted and not ended.
    pub(super) fn outstanding(&self) -> u64 {
        self.outstanding_with(&self.roster())
    }

    pub(super) fn outstanding_with(&self, roster: &Roster) -> u64 {
        let submitted = self.submitted.load(Ordering::SeqCst) & !CLOSED;
        submitted.saturating_sub(self.finished_with(roster))
    }

    fn finished_with(&self, roster: &Roster) -> u64 {
        let by_workers: u64 =
            roster.slots.iter().map(|slot| slot.finished.load(Ordering::Acquire)).sum();
        by_workers + roster.finished_by_gone + self.cleared.load(Ordering::Acquire)
    }

    /// Refuses everything from now on.
    pub(super) fn close(&self) {
        self.submitted.fetch_or(CLOSED, Ordering::SeqCst);
        self.closing.store(true, Ordering::SeqCst);
        if let Some(room) = &self.room {
            room.close();
        }
    }

    /// Ends what is queued: fails it if the pool is broken, cancels it otherwise.
    pub(super) fn clear_queue(&self) {
        while let Some(job) = self.queue.pop() {
            self.leave_queue();
            match self.broken.get() {
                Some(why) => job.reject(RejectedReason::Broken(why.clone())),
                None => job.cancel(),
            }
            self.cleared.fetch_add(1, Ordering::Release);
        }
        self.sleep.wake_all();
        self.wake_waiting_for_end();
    }

    /// A job has left the queue: there is room for another.
    pub(super) fn leave_queue(&self) {
        if let Some(room) = &self.room {
            room.give_back();
        }
    }

    pub(super) fn wake_waiting_for_end(&self) {
        fence(Ordering::SeqCst);
        let waiting = std::mem::take(&mut self.roster().waiting_for_end);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn statistics(&self) -> Statistics {
        let roster = self.roster();
        let finished = self.finished_with(&roster);
        let running = |slot: &&Arc<Slot>| slot.running.load(Ordering::Relaxed);
        let running = roster.slots.iter().filter(running).count();
        let outstanding = usize::try_from(self.outstanding_with(&roster)).unwrap_or(usize::MAX);
        Statistics {
            workers_max: self.workers_max,
            workers: roster.slots.len(),
            workers_peak: roster.peak,
            started: roster.started,
            idle: self.sleep.idle(),
            blocked: self.blocked.load(Ordering::Relaxed),
            relief: self.relief.load(Ordering::Relaxed),
            running,
            queued: outstanding.saturating_sub(running),
            finished,
        }
    }
}
