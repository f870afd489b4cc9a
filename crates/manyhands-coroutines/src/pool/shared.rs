//! What the pool's handle and its hubs share: the queue, and how a hub learns of a job.
//!
//! A submitter pushes its job first and looks for an idle hub after; a hub that finds nothing says
//! that it is idle first and looks at the queue after; sequentially consistent fences stand in
//! between. So either the submitter wakes the hub, or the hub sees the job.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Once, OnceLock, Weak};

use crossbeam_utils::CachePadded;
use manyhands_executor::{
    Home, Job, JobQueue, Rejected, RejectedReason, Shutdown, TaskHandle, TaskOptions, Workforce,
};
use manyhands_wait::{Agent, Blockers, Relief};

use super::builder::CoroutinePoolBuilder;
use super::end::End;
use super::places::Places;
use crate::hub::{Hub, Remote, Source};
use crate::stack::StackSize;

/// Set in `submitted` once no job is taken any more. The same word counts the jobs, so every job
/// was counted before the closing or is refused.
const CLOSED: u64 = 1 << 63;

pub(super) struct Shared {
    pub(super) name_prefix: String,
    stack_size: StackSize,
    /// Where queued jobs are at home, if they may have to wait for a place.
    home: Home,
    places: Option<Places>,
    queue: JobQueue,
    hubs: Vec<Place>,
    starting: Once,
    submitted: CachePadded<AtomicU64>,
    /// Jobs that ended without a hub.
    cleared: AtomicU64,
    /// Why the pool is broken, if it is.
    broken: OnceLock<String>,
    pub(super) end: End,
}

/// One hub's place in the pool.
#[derive(Default)]
struct Place {
    remote: OnceLock<Arc<Remote>>,
    idle: CachePadded<AtomicBool>,
}

/// A [`CoroutinePool`](super::CoroutinePool) at one moment. The figures are read one after the
/// other, so they may not add up while the pool is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// How many hubs the pool has.
    pub hubs: usize,
    /// Jobs that nobody has begun.
    pub queued: usize,
    /// Jobs begun and not ended: they run or wait.
    pub under_way: usize,
    /// Jobs that have ended, well or not.
    pub finished: u64,
    /// Switches between coroutines.
    pub switches: u64,
}

impl Shared {
    pub(super) fn create(config: CoroutinePoolBuilder, hubs: usize) -> Arc<Shared> {
        let relief = config.relief.unwrap_or(CoroutinePoolBuilder::DEFAULT_RELIEF);
        let shared = Arc::new(Shared {
            name_prefix: config.name_prefix.unwrap_or_default(),
            stack_size: config.stack_size.unwrap_or(StackSize::DEFAULT),
            home: Home::create(),
            places: config.limit.map(|limit| Places::new(limit, relief)),
            queue: JobQueue::new(),
            hubs: (0..hubs).map(|_| Place::default()).collect(),
            starting: Once::new(),
            submitted: CachePadded::default(),
            cleared: AtomicU64::new(0),
            broken: OnceLock::new(),
            end: End::new(hubs),
        });
        if shared.places.is_some() {
            let workforce: Weak<Shared> = Arc::downgrade(&shared);
            shared.home.set_workforce(workforce);
        }
        shared
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.places.as_ref().map(Places::limit)
    }

    pub(super) fn window(&self) -> usize {
        let each = CoroutinePoolBuilder::DEFAULT_WINDOW;
        self.limit().unwrap_or_else(|| self.hubs.len().saturating_mul(each))
    }

    pub(super) fn submit(self: &Arc<Self>, job: Job) -> Result<(), Rejected> {
        self.starting.call_once(|| self.start_hubs());
        if let Some(why) = self.broken.get() {
            return Err(Rejected::new(job, RejectedReason::Broken(why.clone())));
        }
        if self.submitted.fetch_add(1, Ordering::SeqCst) & CLOSED != 0 {
            self.submitted.fetch_sub(1, Ordering::SeqCst);
            self.wake_all(); // it was counted for a moment
            return Err(Rejected::new(job, RejectedReason::ShutDown));
        }
        if self.places.is_some() {
            job.set_home(self.home);
        }
        self.queue.push(job);
        self.notify();
        if self.broken.get().is_some() {
            self.clear_queue(); // what was pushed while it was being cleared must not stay behind
        }
        Ok(())
    }

    /// Wakes a hub that has nothing to do, if there is one.
    fn notify(&self) {
        fence(Ordering::SeqCst);
        for place in &self.hubs {
            if place.idle.load(Ordering::Relaxed) && place.idle.swap(false, Ordering::SeqCst) {
                place.wake();
                return;
            }
        }
    }

    pub(super) fn wake_all(&self) {
        self.hubs.iter().for_each(Place::wake);
    }

    fn start_hubs(self: &Arc<Self>) {
        for number in 0..self.hubs.len() {
            self.end.add_thread();
            let shared = Arc::clone(self);
            let name = format!("{}_{number}", self.name_prefix).replace('\0', "");
            let thread = std::thread::Builder::new().name(name);
            let ended = thread.spawn(move || shared.run_hub(number)).map(drop);
            if let Err(error) = ended {
                self.end.thread_is_gone();
                // With one hub the pool goes on; without any it is broken.
                if number == 0 {
                    self.break_down(format!("no thread was started for its hub: {error}"));
                }
                return;
            }
        }
    }

    fn run_hub(self: Arc<Self>, number: usize) {
        struct Leave(Arc<Shared>);
        impl Drop for Leave {
            fn drop(&mut self) {
                self.0.end.thread_is_gone();
            }
        }
        let _leave = Leave(Arc::clone(&self));
        let source = FromPool { shared: Arc::clone(&self), number };
        match Hub::install(self.stack_size, Some(Box::new(source))) {
            Ok(hub) => {
                let _first = self.hubs[number].remote.set(hub.remote);
                if let Err(error) = manyhands_io::wait(hub.task) {
                    self.break_down(format!("a hub has ended: {error}"));
                }
            }
            Err(error) if number == 0 => {
                self.break_down(format!("no hub was made: {error} (see `ulimit -n`)"));
            }
            Err(_) => {}
        }
    }

    fn break_down(&self, why: String) {
        let _first_reason_stays = self.broken.set(why);
        self.clear_queue();
        self.wake_all();
    }

    /// Ends what is queued: fails it if the pool is broken, cancels it otherwise.
    fn clear_queue(&self) {
        while let Some(job) = self.queue.pop() {
            match self.broken.get() {
                Some(why) => job.reject(RejectedReason::Broken(why.clone())),
                None => job.cancel(),
            }
            self.cleared.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// # Panics
    /// With the report if it waits and the pool can never end.
    #[track_caller]
    pub(super) fn shutdown(&self, how: Shutdown) {
        self.submitted.fetch_or(CLOSED, Ordering::SeqCst);
        // Nobody starts hubs from here on.
        self.starting.call_once(|| {});
        if how.cancel_queued {
            self.clear_queue();
        }
        self.wake_all();
        // A coroutine that waited for the end of its own pool would wait for ever.
        if how.wait && !self.is_here() {
            self.wait_for_end();
        }
    }

    /// Whether this thread is one of the pool's.
    fn is_here(&self) -> bool {
        let is_ours = |hub: &Hub| {
            let remotes = self.hubs.iter().filter_map(|place| place.remote.get());
            remotes.into_iter().any(|remote| Arc::ptr_eq(remote, hub.remote()))
        };
        Hub::with_own(is_ours).unwrap_or(false)
    }

    /// Whether no job will come, and all have ended.
    fn is_finished(&self) -> bool {
        let submitted = self.submitted.load(Ordering::SeqCst);
        submitted & CLOSED != 0 && self.finished() >= submitted & !CLOSED
    }

    fn finished(&self) -> u64 {
        let by_hubs: u64 = self.remotes().map(|remote| remote.finished()).sum();
        by_hubs + self.cleared.load(Ordering::SeqCst)
    }

    fn remotes(&self) -> impl Iterator<Item = &Arc<Remote>> {
        self.hubs.iter().filter_map(|place| place.remote.get())
    }

    pub(super) fn statistics(&self) -> Statistics {
        let finished = self.finished();
        let started: u64 = self.remotes().map(|remote| remote.started()).sum();
        let begun = started + self.cleared.load(Ordering::SeqCst);
        let submitted = self.submitted.load(Ordering::SeqCst) & !CLOSED;
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Statistics {
            hubs: self.hubs.len(),
            queued: count(submitted.saturating_sub(begun)),
            under_way: count(begun.saturating_sub(finished)),
            finished,
            switches: self.remotes().map(|remote| remote.switches()).sum(),
        }
    }
}

impl Place {
    fn wake(&self) {
        if let Some(remote) = self.remote.get() {
            remote.wake();
        }
    }
}

/// The pool's queue as one of its hubs sees it.
struct FromPool {
    shared: Arc<Shared>,
    number: usize,
}

impl Source for FromPool {
    fn take(&self) -> Option<Job> {
        let shared = &self.shared;
        let Some(places) = &shared.places else { return shared.queue.pop() };
        if !shared.queue.has_jobs() {
            return None;
        }
        places.take(|| shared.queue.pop())
    }

    fn ended(&self, task: u64) {
        let shared = &self.shared;
        if let Some(places) = &shared.places
            && places.give_back(task, || shared.queue.has_jobs())
            && shared.queue.has_jobs()
        {
            shared.notify();
        }
        if shared.is_finished() {
            shared.wake_all();
        }
    }

    fn busy(&self) {
        // So that a submitter does not take it for one that has nothing to do. What was pushed
        // before this is seen when the turn looks at the queue, or in `idle` at its end.
        self.shared.hubs[self.number].idle.store(false, Ordering::SeqCst);
    }

    fn idle(&self) -> bool {
        let place = &self.shared.hubs[self.number];
        place.idle.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let has_jobs = self.shared.queue.has_jobs()
            && self.shared.places.as_ref().is_none_or(Places::has_room);
        if has_jobs {
            place.idle.store(false, Ordering::SeqCst);
        }
        !has_jobs
    }

    fn is_finished(&self) -> bool {
        self.shared.is_finished()
    }

    fn wants_census(&self, started: u64) -> bool {
        self.shared.end.wants_census(self.number, started)
    }

    fn census(&self, started: u64, coroutines: Vec<Agent>) {
        self.shared.end.census(self.number, started, coroutines);
    }
}

/// The tasks that have the places of a pool with a limit, as the wait-for graph sees them.
impl Workforce for Shared {
    fn blockers(&self, blockers: &mut Blockers) {
        match &self.places {
            Some(places) if self.broken.get().is_none() => places.blockers(blockers),
            _ => blockers.may_end(),
        }
    }

    fn relieve(&self, awaited: Option<&TaskHandle>) -> Option<Relief> {
        let granted = self.places.as_ref().is_some_and(Places::relieve);
        if !granted {
            return None;
        }
        if let Some(task) = awaited.cloned() {
            // A job of its own, before all others, which runs that task; its own job finds nothing to do.
            let first = TaskOptions::new().priority(i32::MAX);
            let (_its_end, job) = Job::of(first, move || task.run_here());
            self.submitted.fetch_add(1, Ordering::SeqCst);
            self.queue.push(job);
        }
        self.wake_all();
        Some(Relief::done())
    }
}
