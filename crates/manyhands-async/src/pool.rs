//! [`AsyncPool`]: the executor `async[:N]`.

mod end;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use manyhands_executor::{
    Executor, Home, InProcess, Job, Map, MapOptions, Rejected, RejectedReason, Shutdown, Task,
    TaskHandle, Workforce, contain_panic,
};
use manyhands_wait::{Blockers, Relief};
use tokio::runtime::Handle;

use crate::running::Running;
use crate::runtime::shared_handle;
use crate::turns::Turns;

/// At most N tasks in flight on a tokio runtime.
///
/// Futures are polled by the runtime. Plain functions and closures, which may block, run on its
/// blocking threads, one each: correct, but give it futures to have what async is for. Tasks start
/// in the order of their priority, equal ones in the order of submission.
///
/// Dropping the pool waits until everything submitted has ended, except on a thread of a runtime,
/// which must not be blocked: there it goes on in the background.
///
/// ```
/// use manyhands_async::AsyncPool;
/// use manyhands_executor::{InProcess, wait_all};
///
/// let pool = AsyncPool::new(10).unwrap();
/// let tasks: Vec<_> = (0..100).map(|n| pool.spawn_async(async move { n * 2 })).collect();
/// assert_eq!(wait_all(&tasks).done.len(), 100);
/// ```
pub struct AsyncPool {
    shared: Arc<Shared>,
}

impl AsyncPool {
    /// How many tasks are in flight at most if nothing else is said: as many as tokio has blocking
    /// threads.
    pub const DEFAULT_LIMIT: usize = 512;

    /// How many tasks may be in flight beyond the limit if nothing else is said: see
    /// [`relief`](Self::relief).
    pub const DEFAULT_RELIEF: usize = 256;

    /// A pool with at most `limit` tasks in flight, on the shared runtime.
    ///
    /// # Errors
    /// [`BuildError`] if `limit` is 0, or the shared runtime cannot be made.
    pub fn new(limit: usize) -> Result<AsyncPool, BuildError> {
        let handle = shared_handle().map_err(|what| BuildError { what })?;
        AsyncPool::on(handle, limit)
    }

    /// A pool with at most `limit` tasks in flight, on the runtime behind `handle`. On a
    /// current-thread runtime, wait for its tasks with `.await`: blocking that thread would stop
    /// what it waits for.
    ///
    /// # Errors
    /// [`BuildError`] if `limit` is 0.
    pub fn on(handle: Handle, limit: usize) -> Result<AsyncPool, BuildError> {
        if limit == 0 {
            let what = "an async pool needs room for at least 1 task in flight, not 0".to_owned();
            return Err(BuildError { what });
        }
        let shared = Arc::new_cyclic(|this: &Weak<Shared>| Shared {
            this: Weak::clone(this),
            turns: Turns::of(&handle),
            handle,
            limit,
            home: Home::create(),
            relief_max: AtomicUsize::new(AsyncPool::DEFAULT_RELIEF),
            state: Mutex::default(),
        });
        shared.home.set_workforce(Weak::<Shared>::clone(&shared.this));
        Ok(AsyncPool { shared })
    }

    /// How many tasks more than the limit may be in flight while all others wait for queued tasks of
    /// this very pool: proven, so that without one more none of them would ever go on. It ends as soon
    /// as the others can do without it.
    ///
    /// With 0 the pool is strict: one of the waits ends with a
    /// [`Deadlock`](manyhands_wait::Deadlock) instead.
    pub fn relief(self, tasks: usize) -> AsyncPool {
        self.shared.relief_max.store(tasks, Ordering::Relaxed);
        self
    }

    /// Runs the closure `f` on a blocking thread.
    pub fn spawn<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Task<R> {
        InProcess::spawn(self, f)
    }

    /// Runs `future`, when there is room.
    pub fn spawn_async<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        InProcess::spawn_async(self, future)
    }

    /// Calls the closure `f` for every input and yields the results in the order of the inputs,
    /// lazily. See [`Map`].
    pub fn map<'e, A, R, F, I>(&'e self, f: F, inputs: I) -> Map<'e, I, R>
    where
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
    {
        self.map_closure_with(MapOptions::new(), f, inputs)
    }

    /// What the pool does right now, and has done.
    pub fn statistics(&self) -> Statistics {
        let state = self.shared.lock();
        Statistics {
            limit: self.shared.limit,
            in_flight: state.in_flight,
            in_flight_peak: state.in_flight_peak,
            queued: state.queued.len(),
            finished: state.finished,
        }
    }
}

impl Executor for AsyncPool {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Rejected::new(job, RejectedReason::ShutDown));
        }
        let at_once = state.in_flight < self.shared.limit + state.relief;
        job.set_home(self.shared.home_of(&job, at_once));
        if at_once {
            state.take_off(&job);
            drop(state);
            Shared::launch(&self.shared, job);
        } else {
            let key = (Reverse(job.priority()), state.next_number);
            state.next_number += 1;
            state.queued.insert(key, job);
        }
        Ok(())
    }

    fn limit(&self) -> Option<usize> {
        Some(self.shared.limit)
    }

    fn parallelism(&self) -> usize {
        self.shared.limit
    }

    /// # Panics
    /// With the report if it waits and the pool can never end, because one of its tasks waits for this
    /// very caller, or for others who do.
    #[track_caller]
    fn shutdown(&self, how: Shutdown) {
        let mut state = self.shared.lock();
        state.closed = true;
        let cancelled =
            if how.cancel_queued { std::mem::take(&mut state.queued) } else { BTreeMap::new() };
        drop(state);
        let count = cancelled.len() as u64;
        cancelled.into_values().for_each(Job::cancel);
        self.shared.lock().finished += count;
        if how.wait && !self.shared.home.is_here() {
            self.shared.wait_for_end();
        }
    }
}

impl InProcess for AsyncPool {}

impl Drop for AsyncPool {
    fn drop(&mut self) {
        let on_a_runtime = Handle::try_current().is_ok();
        self.shutdown(if on_a_runtime { Shutdown::DETACH } else { Shutdown::WAIT });
    }
}

impl fmt::Debug for AsyncPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncPool").field("statistics", &self.statistics()).finish()
    }
}

/// An [`AsyncPool`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The greatest number of tasks in flight.
    pub limit: usize,
    /// Tasks in flight now.
    pub in_flight: usize,
    /// The most that were in flight at a time.
    pub in_flight_peak: usize,
    /// Tasks that wait for room.
    pub queued: usize,
    /// Tasks that have ended, well or not.
    pub finished: u64,
}

/// A pool cannot be made like this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    what: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for BuildError {}

struct Shared {
    this: Weak<Shared>,
    handle: Handle,
    /// Of a current-thread runtime.
    turns: Option<Arc<Turns>>,
    limit: usize,
    home: Home,
    relief_max: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    in_flight: usize,
    in_flight_peak: usize,
    /// Those in flight.
    flights: HashMap<u64, TaskHandle>,
    /// Places beyond the limit, granted because all in flight were proven to wait for queued tasks.
    relief: usize,
    finished: u64,
    next_number: u64,
    queued: BTreeMap<(Reverse<i32>, u64), Job>,
    /// Places of tasks that have landed, for which no other was launched yet.
    places_given_back: usize,
    /// Whether somebody sees to those places.
    launching: bool,
    waiting_for_end: Vec<Waker>,
}

impl State {
    fn take_off(&mut self, job: &Job) {
        self.in_flight += 1;
        self.in_flight_peak = self.in_flight_peak.max(self.in_flight);
        self.enlist(job);
    }

    fn enlist(&mut self, job: &Job) {
        if let Some(task) = job.task() {
            self.flights.insert(task.id(), task);
        }
    }

    /// Whether a place that was given back is one too many. While all others wait, they may wait for
    /// what is queued, and none of them would find out that nobody will begin it.
    fn ends_relief(&self) -> bool {
        let all_wait = || self.flights.values().all(TaskHandle::is_stopped);
        self.relief > 0 && (self.queued.is_empty() || self.flights.is_empty() || !all_wait())
    }

    /// The job of this task, wherever it is in the queue; `unless_future`, if it is none.
    fn take_out(&mut self, task: u64, unless_future: bool) -> Option<Job> {
        let place = self.queued.iter().find(|(_, job)| job.id() == Some(task));
        let key = *place.filter(|(_, job)| !(unless_future && job.is_future()))?.0;
        self.queued.remove(&key)
    }

    /// The next job to launch. Those before it go to `over` and need no flight: they were cancelled
    /// in the queue, or run by who waited for them.
    fn take_next(&mut self, over: &mut Vec<Job>) -> Option<Job> {
        while let Some((_, job)) = self.queued.pop_first() {
            if !job.is_over() {
                return Some(job);
            }
            self.finished += 1;
            over.push(job);
        }
        None
    }
}

impl Shared {
    /// Where a job is queued. What a current-thread runtime is given at once is begun in a turn of that, by
    /// nobody else; of what has been in our own queue that is not sure.
    fn home_of(&self, job: &Job, at_once: bool) -> Home {
        match &self.turns {
            Some(turns) if at_once && job.is_future() => turns.home(),
            _ => self.home,
        }
    }

    /// Starts a job that was counted as in flight.
    fn launch(shared: &Arc<Shared>, job: Job) {
        // Lands on every way out, also when the runtime drops the job because it is shut down.
        let landing = Landing { shared: Arc::clone(shared), task: job.id() };
        if job.is_future() {
            let turns = shared.turns.clone();
            shared.handle.spawn(async move {
                let landing = landing;
                Running::new(job, turns).await;
                drop(landing);
            });
        } else {
            shared.handle.spawn_blocking(move || {
                let landing = landing;
                landing.shared.home.work(|| job.run());
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those in flight, as the wait-for graph sees them.
impl Workforce for Shared {
    fn blockers(&self, blockers: &mut Blockers) {
        let state = self.lock();
        // One that has landed already, or is about to take off, is in one of these two only.
        if state.in_flight < self.limit + state.relief || state.flights.len() != state.in_flight {
            return blockers.may_end();
        }
        for task in state.flights.values() {
            task.blockers(blockers);
            if blockers.is_settled() {
                return;
            }
        }
    }

    fn relieve(&self, awaited: Option<&TaskHandle>) -> Option<Relief> {
        let shared = self.this.upgrade()?;
        let mut state = self.lock();
        if state.relief >= self.relief_max.load(Ordering::Relaxed) {
            return None;
        }
        let mut over = Vec::new();
        // A future would not be polled now.
        let in_vain = self.turns.as_ref().is_some_and(|turns| turns.are_held_up());
        let job = match awaited {
            Some(awaited) => state.take_out(awaited.id(), in_vain),
            None if in_vain => None,
            None => state.take_next(&mut over),
        };
        if let Some(job) = &job {
            state.relief += 1;
            state.take_off(job);
        }
        drop(state);
        // What is over may hold values of the program. And a runtime that is shut down drops the job, so
        // that its callbacks run.
        let has_begun = job.is_some();
        let relief = Relief::by(move || {
            // It panics if the operating system refuses a thread; the job is lost then, and its place
            // comes back.
            contain_panic(|| job.into_iter().for_each(|job| Shared::launch(&shared, job)));
            over.into_iter().for_each(|job| contain_panic(|| drop(job)));
        });
        has_begun.then_some(relief)
    }
}

/// One task in flight; on drop the next one starts.
struct Landing {
    shared: Arc<Shared>,
    task: Option<u64>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let shared = &self.shared;
        let mut state = shared.lock();
        let landed = self.task.and_then(|task| state.flights.remove(&task));
        state.finished += 1;
        state.places_given_back += 1;
        // A runtime that is shut down drops what it is given on the spot, so launching may come
        // back here. Whoever launches already sees to this place too: the stack does not grow with
        // the length of the queue.
        if state.launching {
            drop(state);
            contain_panic(|| drop(landed));
            return;
        }
        state.launching = true;
        let mut over = Vec::new();
        while state.places_given_back > 0 {
            state.places_given_back -= 1;
            if state.ends_relief() {
                state.relief -= 1;
                state.in_flight -= 1;
                continue;
            }
            match state.take_next(&mut over) {
                None => state.in_flight -= 1,
                Some(job) => {
                    state.enlist(&job);
                    drop(state);
                    // It panics if the operating system refuses a thread; the job is lost then, and
                    // its place comes back here.
                    contain_panic(|| Shared::launch(shared, job));
                    state = shared.lock();
                }
            }
        }
        state.launching = false;
        let waiting = match state.in_flight {
            0 => std::mem::take(&mut state.waiting_for_end),
            _ => Vec::new(),
        };
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        // At the very end: they may hold values of the program, whose destructors may come back
        // here, take their time, or panic.
        over.into_iter().for_each(|job| contain_panic(|| drop(job)));
        contain_panic(|| drop(landed));
    }
}
