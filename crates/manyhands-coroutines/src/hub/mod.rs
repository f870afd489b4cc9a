//! The hub: the scheduler of one thread's coroutines.
//!
//! It is a task of the runtime that the thread turns while it waits. Each of its turns runs the
//! coroutines that are ready; then tokio looks for I/O and timers, whose wakers put coroutines back
//! into the run queue on the same thread. The protocols are in `README.md` beside this file.

mod bodies;
mod body;
mod lookout;
mod parking;
mod prefetch;
mod ready;
mod remote;
mod task;
mod token;

use std::cell::{Cell, RefCell, UnsafeCell};
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use manyhands_executor::{Awaited, Home, Job, TaskError, TaskErrorKind};
use manyhands_wait::Agent;
use tokio::runtime::Handle;

use bodies::Bodies;
pub(crate) use body::Body;
use body::{Pause, Seat};
use lookout::Lookout;
use ready::{Next, Ready};
pub(crate) use remote::Remote;
use task::HubTask;

use crate::primitive::Arc as SeatArc;
use crate::stack::{self, Stack, StackError, StackSize};
use crate::watchdog;

/// The most switches in one turn. More would let I/O and timers wait for little gain.
const SWITCHES_MAX: u32 = 256;
/// How long a turn is to last at most, if the coroutines give the thread back in time.
const TURN: Duration = Duration::from_millis(1);
/// After so many switches a turn looks for new jobs, also if others are still ready.
const JOBS_EVERY: u32 = 32;
/// After so many yields a coroutine looks whether it was cancelled. Looking costs about as much as
/// the switch.
const LOOK_EVERY: u32 = 16;

thread_local! {
    /// The hub of this thread, from when it is made until its task is dropped.
    static OWN: Cell<*const Hub> = const { Cell::new(ptr::null()) };
}

/// Where a hub gets jobs from besides those that it is given.
pub(crate) trait Source {
    /// One job that nobody has begun.
    fn take(&self) -> Option<Job>;

    /// The job of this task, which may be one that was taken, has ended.
    fn ended(&self, task: u64);

    /// The hub has something to do.
    fn busy(&self);

    /// The hub has nothing to do and is about to be idle; `false` if there is a job after all.
    fn idle(&self) -> bool;

    /// Whether the hub is to end when its last coroutine has.
    fn is_finished(&self) -> bool;

    /// Whether somebody wants to know who has not ended, now that the hub has nothing to do and has begun
    /// so many coroutines.
    fn wants_census(&self, started: u64) -> bool;

    /// These are all that have not ended.
    fn census(&self, started: u64, coroutines: Vec<Agent>);
}

/// A hub that was just made.
pub(crate) struct Installed {
    pub(crate) remote: Arc<Remote>,
    /// Ends when the hub's source is finished and its last coroutine has ended.
    pub(crate) task: tokio::task::JoinHandle<()>,
}

pub(crate) struct Hub {
    remote: Arc<Remote>,
    ready: UnsafeCell<Ready>,
    /// The coroutine that runs now.
    current: Cell<Option<NonNull<Body>>>,
    bodies: UnsafeCell<Bodies>,
    home: Home,
    source: Option<Box<dyn Source>>,
    /// The thread's own runtime, whose task the hub is.
    runtime: Handle,
    stack_size: StackSize,
    /// How many switches the next turn makes at most.
    budget: Cell<u32>,
    forbidden: Cell<u32>,
    in_turn: Cell<bool>,
    /// The [`stack::trims`] that the spare bodies have followed.
    trims: Cell<usize>,
    /// Those who began to wait while the thread was panicking: one of them waits in a destructor
    /// while it unwinds, and until it has ended that, nobody else can be unwound.
    held_back: RefCell<Vec<SeatArc<Seat>>>,
    /// The end of a turn.
    turn_end: Lookout,
    /// A turn in which there was nothing to do, although tokio has just looked for I/O and timers.
    idleness: Lookout,
}

impl Hub {
    /// Calls `f` with the hub of this thread, if it has one.
    #[inline]
    pub(crate) fn with_own<R>(f: impl FnOnce(&Hub) -> R) -> Option<R> {
        // SAFETY: `f` cannot keep the reference.
        unsafe { Hub::own() }.map(f)
    }

    /// The hub of this thread, if it has one.
    ///
    /// # Safety
    /// The reference must not be kept past the end of the thread's runtime: callers use it for one
    /// operation, which does not drop the runtime.
    #[inline(always)]
    pub(crate) unsafe fn own<'a>() -> Option<&'a Hub> {
        // SAFETY: the pointer is set when the hub's task is made and cleared when it is dropped, on
        // this thread, with the thread's runtime.
        unsafe { OWN.with(Cell::get).as_ref() }
    }

    /// Calls `f` with the hub of this thread; makes it first if need be.
    ///
    /// # Errors
    /// If the thread does not turn a runtime of its own, or the operating system grants none.
    fn with_own_or_new<R>(f: impl FnOnce(&Hub) -> R) -> io::Result<R> {
        // SAFETY: used for the check alone.
        match unsafe { Hub::own() } {
            None => drop(Hub::install(StackSize::DEFAULT, None)?),
            Some(hub) if hub.in_turn.get() || hub.is_ambient() => {}
            Some(_) => {
                let why =
                    "this code runs in an async runtime, which does not turn the hub of its thread";
                return Err(io::Error::new(io::ErrorKind::Unsupported, why));
            }
        }
        Hub::with_own(f).ok_or_else(|| io::Error::other("the hub of this thread has ended"))
    }

    /// Makes the hub of this thread.
    ///
    /// # Errors
    /// As [`with_own_or_new`](Self::with_own_or_new).
    pub(crate) fn install(
        stack_size: StackSize,
        source: Option<Box<dyn Source>>,
    ) -> io::Result<Installed> {
        let runtime = manyhands_io::own_runtime()?;
        let hub = Hub {
            remote: Arc::new(Remote::new()),
            ready: UnsafeCell::new(Ready::default()),
            home: Home::create(),
            current: Cell::new(None),
            bodies: UnsafeCell::new(Bodies::default()),
            source,
            runtime: runtime.clone(),
            stack_size,
            budget: Cell::new(SWITCHES_MAX),
            forbidden: Cell::new(0),
            in_turn: Cell::new(false),
            trims: Cell::new(stack::trims()),
            held_back: RefCell::new(Vec::new()),
            turn_end: Lookout::default(),
            idleness: Lookout::default(),
        };
        let remote = Arc::clone(&hub.remote);
        watchdog::watch(&remote);
        let hub = NonNull::from(Box::leak(Box::new(hub)));
        // The watchdog's signal may come as soon as the pointer is there, and find all of it.
        compiler_fence(Ordering::Release);
        OWN.with(|own| own.set(hub.as_ptr()));
        let task = runtime.spawn(tokio::task::unconstrained(HubTask { hub }));
        Ok(Installed { remote, task })
    }

    /// Whether the tokio context here, if there is one, is that of the hub's own runtime.
    fn is_ambient(&self) -> bool {
        match Handle::try_current() {
            Ok(ambient) => ambient.id() == self.runtime.id(),
            Err(_) => true,
        }
    }

    pub(crate) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// The coroutine that runs here, if one does.
    pub(crate) fn current(&self) -> Option<&Body> {
        // SAFETY: `current` is set for as long as the body runs; bodies are not freed meanwhile.
        self.current.get().map(|body| unsafe { body.as_ref() })
    }

    /// Has `job` run as a coroutine of this thread, whose hub is made first if need be.
    ///
    /// # Errors
    /// As [`with_own_or_new`](Self::with_own_or_new); the job comes back.
    #[inline]
    pub(crate) fn start_here(job: Job) -> Result<(), (Job, io::Error)> {
        // SAFETY: used to start the job alone.
        match unsafe { Hub::own() } {
            Some(hub) if hub.in_turn.get() => {
                hub.start(job);
                Ok(())
            }
            _ => Hub::start_from_outside(job),
        }
    }

    #[inline(never)]
    fn start_from_outside(job: Job) -> Result<(), (Job, io::Error)> {
        let mut job = Some(job);
        let started =
            Hub::with_own_or_new(|hub| job.take().into_iter().for_each(|job| hub.start(job)));
        match (started, job) {
            (Err(error), Some(job)) => Err((job, error)),
            _ => Ok(()),
        }
    }

    /// Has `job` run as a coroutine, after everything that is ready now.
    #[inline]
    pub(crate) fn start(&self, job: Job) {
        job.set_home(self.home);
        self.with_ready(|ready| ready.start(job));
        self.look();
    }

    /// Begins the job of this task at once if nothing else is ready and the turn may still last:
    /// then it is its turn anyway, and whoever waits for it saves the way through the queue.
    fn start_now(awaited: &Awaited) -> bool {
        Hub::with_own(|hub| {
            // Where the caller must not suspend itself, nobody else may run on this thread.
            if hub.current.get().is_none()
                || hub.made() >= hub.budget.get()
                || hub.forbidden.get() > 0
            {
                return false;
            }
            let Some(job) = hub.with_ready(|ready| ready.only(awaited.id())) else { return false };
            hub.set_made(hub.made() + 1);
            // SAFETY: it runs in a body of this hub and is dropped there, or with the hub, both on
            // this thread; nobody asks for handles of it.
            unsafe { job.stay_for(awaited) };
            hub.begin_in_line(job);
            true
        })
        .unwrap_or(false)
    }

    /// Puts a suspended coroutine at the end of the run queue.
    fn enqueue(&self, body: NonNull<Body>) {
        self.with_ready(|ready| ready.resume(body));
        self.look();
    }

    /// Lets every coroutine that is ready run before the current one goes on. Outside coroutines it
    /// does nothing and returns `false`.
    #[inline(always)]
    pub(crate) fn yield_now(&self) -> bool {
        let Some(body) = self.current.get() else { return false };
        self.check_allowed();
        self.with_ready(|ready| ready.resume(body));
        // SAFETY: it is the one that runs, so it is valid.
        let body = unsafe { body.as_ref() };
        // SAFETY: as above, and so the caller is on its stack.
        unsafe { body.suspend() };
        body.count_yield();
        true
    }

    /// Like [`yield_now`](Self::yield_now), where that is allowed.
    pub(crate) fn yield_if_allowed(&self) {
        if self.forbidden.get() == 0 {
            self.yield_now();
        }
    }

    /// Runs `f`, a part of the coroutine that runs, during which it must not suspend itself.
    pub(crate) fn forbid_suspend<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Allow<'a>(&'a Cell<u32>);
        impl Drop for Allow<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        self.forbidden.set(self.forbidden.get() + 1);
        let _allow = Allow(&self.forbidden);
        f()
    }

    #[inline]
    fn check_allowed(&self) {
        if self.forbidden.get() > 0 {
            suspend_is_forbidden();
        }
    }

    /// Whether the caller is a coroutine.
    pub(crate) fn is_in_coroutine(&self) -> bool {
        self.current.get().is_some()
    }

    /// Whether the hub has turns while the caller waits. Not in code that runs between coroutines
    /// (the callback of a task that found no stack), and not in another task of the same runtime.
    pub(crate) fn turns_while_waiting(&self) -> bool {
        self.is_in_coroutine()
            || !self.in_turn.get() && tokio::runtime::Handle::try_current().is_err()
    }

    /// Ready when the hub has made a turn since the first call with this `since`.
    pub(crate) fn poll_turn(&self, since: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        self.look();
        self.turn_end.poll(since, cx)
    }

    /// Ready when the hub had nothing to do since the first call with this `since`.
    pub(crate) fn poll_idle(&self, since: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        self.look();
        self.idleness.poll(since, cx)
    }

    /// Sees to it that the hub has a turn, unless it is in one.
    #[inline]
    fn look(&self) {
        if !self.in_turn.get() {
            self.remote.wake_here();
        }
    }

    /// When nobody unwinds any more, has those look again whose cancellation may have come meanwhile.
    fn release_held_back(&self) {
        if !self.held_back.borrow().is_empty() && !std::thread::panicking() {
            for seat in self.held_back.take() {
                if let Some(body) = seat.try_body() {
                    // SAFETY: the body of a seat is valid until its hub frees it, which takes the
                    // pointer out of the seat first.
                    unsafe { body.as_ref() }.held_back.set(false);
                }
                Seat::wake(&seat);
            }
        }
    }

    /// How many switches were made in this turn.
    #[inline(always)]
    fn made(&self) -> u32 {
        self.remote.pulse().made()
    }

    #[inline(always)]
    fn set_made(&self, made: u32) {
        self.remote.pulse().set_made(made);
    }

    /// Runs what is ready. Returns whether there is more.
    fn turn(&self) -> bool {
        let begun = Instant::now();
        self.set_made(0);
        // Not a count of rounds of this loop, in each of which several switches may be made.
        let mut look_at = 0;
        loop {
            let made = self.made();
            if made >= self.budget.get() {
                break;
            }
            if made >= look_at {
                look_at = made + JOBS_EVERY;
                self.take_in();
                // Begun here and now: one that waited in this hub's list would be lost to the others.
                if let Some(Next::Start(job)) = self.take_job() {
                    self.set_made(made + 1);
                    self.begin(job);
                }
            }
            let Some(next) = self.with_ready(Ready::next).or_else(|| self.take_job()) else {
                break;
            };
            self.set_made(self.made() + 1);
            match next {
                Next::Resume(body) => {
                    self.prefetch_next();
                    self.resume(body);
                }
                Next::Start(job) => self.begin(job),
            }
        }
        let made = self.made();
        self.remote.count_switches(made);
        self.adapt(begun.elapsed(), made);
        self.release_held_back();
        if made == 0 {
            self.idleness.happened();
        }
        self.turn_end.happened();
        self.with_ready(|ready| !ready.is_empty())
            || self.idleness.is_watched()
            || self.source.as_ref().is_some_and(|source| !source.idle())
    }

    /// Has memory fetched of those who go on after the one that is about to.
    #[inline(always)]
    fn prefetch_next(&self) {
        let (first, second) =
            self.with_ready(|ready| (ready.suspended_after(0), ready.suspended_after(1)));
        if let Some(body) = second {
            Body::prefetch(body);
        }
        if let Some(body) = first {
            // SAFETY: what is in the run queue is valid.
            unsafe { body.as_ref() }.prefetch_frames();
        }
    }

    /// So many switches next time that a turn lasts as long as it should.
    fn adapt(&self, took: Duration, made: u32) {
        if made > 0 {
            let each = (took / made).as_nanos().max(1);
            let fits = u32::try_from(TURN.as_nanos() / each).unwrap_or(u32::MAX);
            self.budget.set(fits.clamp(1, SWITCHES_MAX));
        }
    }

    /// Takes over what other threads have left.
    fn take_in(&self) {
        self.remote.inbox.drain(|seat| {
            self.with_ready(|ready| ready.resume(seat.body()));
        });
    }

    fn take_job(&self) -> Option<Next> {
        self.source.as_ref()?.take().map(Next::Start)
    }

    #[inline(never)]
    fn begin(&self, job: Job) {
        self.with_bodies(|bodies| bodies.prefetch());
        self.begin_in_line(job);
    }

    #[inline(always)]
    fn begin_in_line(&self, job: Job) {
        let body = match self.with_bodies(Bodies::take_spare) {
            Some(body) => body,
            None => match self.new_body() {
                Ok(body) => body,
                Err(error) => return self.fail(job, &error),
            },
        };
        // SAFETY: spare bodies and new ones are valid and have no job.
        unsafe { body.as_ref() }.assign(job);
        self.remote.count_start();
        self.resume(body);
    }

    #[cold]
    fn new_body(&self) -> Result<NonNull<Body>, StackError> {
        let body = Body::new(&self.remote, Stack::new(self.stack_size)?);
        self.with_bodies(|bodies| bodies.add(body));
        Ok(body)
    }

    /// There is no stack for a job.
    #[cold]
    fn fail(&self, job: Job, error: &StackError) {
        let message = format!("there is no stack for the coroutine: {error}");
        let task = job.id().unwrap_or_default();
        job.fail(TaskError::new(TaskErrorKind::Rejected, message));
        self.remote.count_start();
        self.remote.count_end();
        if let Some(source) = &self.source {
            source.ended(task);
        }
    }

    #[inline(always)]
    fn resume(&self, body: NonNull<Body>) {
        let outer = self.current.replace(Some(body));
        // SAFETY: it comes from the run queue or was just begun, so it is valid and suspended, and
        // this is its hub's thread.
        let pause = unsafe { Body::resume(body) };
        self.current.set(outer);
        if let Pause::Finished = pause {
            self.retire(body);
        }
    }

    /// Keeps a body whose job has ended for the next one.
    #[inline(never)]
    fn retire(&self, body: NonNull<Body>) {
        // SAFETY: it has just been suspended, so it is valid.
        let this = unsafe { body.as_ref() };
        if let Some(source) = &self.source {
            source.ended(this.running.id());
        }
        this.context.end();
        if !self.with_bodies(|bodies| bodies.keep(body, stack::idle_max())) {
            // SAFETY: its job has ended and it was taken off the list; wakers know only the seat,
            // and nobody enqueues a seat that is not parked.
            unsafe { Body::free(body) };
        }
    }

    #[inline]
    fn with_bodies<R>(&self, f: impl FnOnce(&mut Bodies) -> R) -> R {
        // SAFETY: only this thread comes here, and what callers do with the lists runs no foreign
        // code that could come back.
        f(unsafe { &mut *self.bodies.get() })
    }

    #[inline]
    fn with_ready<R>(&self, f: impl FnOnce(&mut Ready) -> R) -> R {
        // SAFETY: only this thread comes here, and what callers do with the queue runs no foreign
        // code that could come back.
        f(unsafe { &mut *self.ready.get() })
    }
}

#[inline(never)]
fn look_for_cancellation() {
    manyhands_wait::check_cancelled();
}

#[cold]
fn suspend_is_forbidden() -> ! {
    panic!("a coroutine was about to wait inside `forbid_suspend`: another one could run there")
}
