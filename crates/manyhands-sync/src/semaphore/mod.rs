//! Permits that several may hold at a time.
//!
//! The protocol (fairness, who counts as a holder, what is proven) is in `README.md` beside this file.

mod core;
mod ledger;
mod over_release;
mod permit;
mod statistics;

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use manyhands_wait::{Agent, Deadlock, Reason, TimedOut, Wait, WaitError, give_way};

use self::core::{Claim, Core, Request};
pub use over_release::OverRelease;
pub use permit::{AsyncPermit, OwnedPermit, Permit};
pub use statistics::SemaphoreStatistics;

use crate::waiters::Waiting;

static SEMAPHORE: Reason = Reason::new("permits of a semaphore");

/// A number of permits, of which everybody takes some for a while: so many at most do something at a
/// time.
///
/// Threads, coroutines and async tasks may share one. Permits come as guards ([`Permit`],
/// [`AsyncPermit`], [`OwnedPermit`]) and go back when those are dropped, also when their context is
/// cancelled or panics.
///
/// **Fair**: first come, first served, whatever each wants. Who asks for many is not overtaken by
/// those who ask for few, and `try_acquire` gets nothing while others wait.
///
/// **Proven deadlocks**: of a semaphore made by [`new`](Self::new) all permits are with guards, so
/// whoever waits for permits waits for the holders of these; if all of them wait for each other, one
/// of the waits ends with a [`Deadlock`]. An [`unbounded`](Self::unbounded) one takes permits from
/// anybody at any time, so a wait for it is listed, and never called a deadlock.
///
/// ```
/// use manyhands_sync::Semaphore;
///
/// static DOWNLOADS: Semaphore = Semaphore::new(3);
///
/// let permit = DOWNLOADS.acquire();
/// // ... at most three are here at a time ...
/// drop(permit);
/// assert_eq!(DOWNLOADS.available(), 3);
/// ```
#[doc(alias = "threading.Semaphore")]
#[doc(alias = "BoundedSemaphore")]
#[doc(alias = "asyncio.Semaphore")]
#[doc(alias = "gevent.lock.Semaphore")]
#[doc(alias = "gevent.lock.BoundedSemaphore")]
#[doc(alias = "asyncio.BoundedSemaphore")]
pub struct Semaphore {
    core: OnceLock<Arc<Core>>,
    permits: usize,
    is_bounded: bool,
    made_at: &'static Location<'static>,
}

impl Semaphore {
    /// A semaphore of so many permits, and never more: what is given back without having been taken
    /// is an [error](OverRelease).
    #[track_caller]
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore::of(permits, true, Location::caller())
    }

    /// A semaphore that begins with so many permits, and to which anybody may [add](Self::release):
    /// Python's plain `Semaphore`. With no permits it is a signal that counts.
    ///
    /// ```
    /// use manyhands_sync::Semaphore;
    ///
    /// let jobs = Semaphore::unbounded(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         // Waits for three jobs.
    ///         (0..3).for_each(|_| jobs.acquire().forget());
    ///     });
    ///     jobs.release(1).unwrap();
    ///     jobs.release(2).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub const fn unbounded(permits: usize) -> Semaphore {
        Semaphore::of(permits, false, Location::caller())
    }

    const fn of(
        permits: usize,
        is_bounded: bool,
        made_at: &'static Location<'static>,
    ) -> Semaphore {
        Semaphore { core: OnceLock::new(), permits, is_bounded, made_at }
    }

    /// Like [`new`](Self::new), with a name for dumps and reports.
    #[track_caller]
    pub fn named(name: impl Into<Arc<str>>, permits: usize) -> Semaphore {
        Semaphore::new(permits).with_name(name.into())
    }

    /// Like [`unbounded`](Self::unbounded), with a name for dumps and reports.
    #[track_caller]
    pub fn named_unbounded(name: impl Into<Arc<str>>, permits: usize) -> Semaphore {
        Semaphore::unbounded(permits).with_name(name.into())
    }

    /// The name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.core.get()?.name()
    }

    /// How many permits nobody has now.
    #[doc(alias = "value")]
    #[doc(alias = "counter")]
    pub fn available(&self) -> usize {
        self.core().available()
    }

    /// How many contexts wait for permits now.
    pub fn waiting(&self) -> usize {
        self.statistics().waiting
    }

    /// What it has counted so far.
    pub fn statistics(&self) -> SemaphoreStatistics {
        self.core().statistics()
    }

    /// Takes a permit; waits for one if need be. For threads and coroutines.
    ///
    /// # Panics
    /// With the report, if it is proven that the wait could never end;
    /// [`acquire_checked`](Self::acquire_checked) returns that.
    ///
    /// # Cancellation
    /// Ends early, by unwinding, if the running task is cancelled or its deadline passes while it
    /// waits. A permit that was granted at that moment goes to whoever waits next.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) -> Permit<'_> {
        self.acquire_many(1)
    }

    /// Takes so many permits at once; waits until it is its turn and they are there.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire). If the semaphore never has so many permits: the wait could not
    /// end.
    ///
    /// # Cancellation
    /// As [`acquire`](Self::acquire).
    #[inline]
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> Permit<'_> {
        match self.block(permits, None) {
            Ok(permit) => permit,
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
            Err(WaitError::TimedOut) => unreachable!("a wait without a limit does not time out"),
        }
    }

    /// Takes a permit if there is one and nobody waits. Never waits.
    #[inline]
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes so many permits if they are there and nobody waits. Never waits.
    #[inline]
    #[track_caller]
    pub fn try_acquire_many(&self, permits: usize) -> Option<Permit<'_>> {
        let core = self.core();
        let request = Request::new(core, permits, Some(Agent::current()), Location::caller());
        core.try_acquire(&request).map(|claim| Permit::new(core, claim))
    }

    /// Like [`acquire`](Self::acquire), for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`] if there was no permit for it in that time.
    #[track_caller]
    pub fn acquire_timeout(&self, limit: Duration) -> Result<Permit<'_>, TimedOut> {
        self.acquire_many_timeout(1, limit)
    }

    /// Like [`acquire_many`](Self::acquire_many), for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`] if it did not get them in that time.
    ///
    /// # Panics
    /// If the semaphore never has so many permits.
    #[track_caller]
    pub fn acquire_many_timeout(
        &self,
        permits: usize,
        limit: Duration,
    ) -> Result<Permit<'_>, TimedOut> {
        match self.block(permits, Some(limit)) {
            Ok(permit) => Ok(permit),
            Err(WaitError::TimedOut) => Err(TimedOut),
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
        }
    }

    /// Like [`acquire`](Self::acquire), and a proven deadlock is an error.
    ///
    /// # Errors
    /// [`Deadlock`] if it is proven that the wait could never end, and it was chosen to be ended.
    #[track_caller]
    pub fn acquire_checked(&self) -> Result<Permit<'_>, Deadlock> {
        self.acquire_many_checked(1)
    }

    /// Like [`acquire_many`](Self::acquire_many), and a proven deadlock is an error.
    ///
    /// # Errors
    /// As [`acquire_checked`](Self::acquire_checked).
    ///
    /// # Panics
    /// If the semaphore never has so many permits.
    #[track_caller]
    pub fn acquire_many_checked(&self, permits: usize) -> Result<Permit<'_>, Deadlock> {
        match self.block(permits, None) {
            Ok(permit) => Ok(permit),
            Err(WaitError::Deadlock(deadlock)) => Err(deadlock),
            Err(WaitError::TimedOut) => unreachable!("a wait without a limit does not time out"),
        }
    }

    /// Takes a permit, in async code. Dropping the future ends the wait; a permit that was granted at
    /// that moment goes to whoever waits next.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire), inside of `poll`: only in tasks that are
    /// [tracked](manyhands_wait::tracked()).
    #[track_caller]
    pub fn acquire_async(&self) -> impl Future<Output = AsyncPermit<'_>> + Send + use<'_> {
        self.acquire_many_async(1)
    }

    /// Takes so many permits at once, in async code. Dropping the future ends the wait.
    ///
    /// # Panics
    /// As [`acquire_async`](Self::acquire_async), and as [`acquire_many`](Self::acquire_many).
    #[track_caller]
    pub fn acquire_many_async(
        &self,
        permits: usize,
    ) -> impl Future<Output = AsyncPermit<'_>> + Send + use<'_> {
        let acquiring = self.acquire_many_async_checked(permits);
        async { acquiring.await.unwrap_or_else(|deadlock| deadlock.raise()) }
    }

    /// Like [`acquire_async`](Self::acquire_async), and a proven deadlock is an error.
    ///
    /// # Errors
    /// As [`acquire_checked`](Self::acquire_checked).
    #[track_caller]
    pub fn acquire_async_checked(
        &self,
    ) -> impl Future<Output = Result<AsyncPermit<'_>, Deadlock>> + Send + use<'_> {
        self.acquire_many_async_checked(1)
    }

    /// Like [`acquire_many_async`](Self::acquire_many_async), and a proven deadlock is an error.
    ///
    /// # Errors
    /// As [`acquire_checked`](Self::acquire_checked).
    ///
    /// # Panics
    /// If the semaphore never has so many permits.
    #[track_caller]
    pub fn acquire_many_async_checked(
        &self,
        permits: usize,
    ) -> impl Future<Output = Result<AsyncPermit<'_>, Deadlock>> + Send + use<'_> {
        self.check(permits);
        let at = Location::caller();
        async move {
            let core = self.core();
            // The task is known when it is polled.
            let request = Request::new(core, permits, Agent::current_async(), at);
            let claim = Waiting::new(core.monitor(), request).as_leaf(&SEMAPHORE, at).await?;
            Ok(AsyncPermit::new(core, claim))
        }
    }

    /// Gives back permits that no guard holds: [forgotten](Permit::forget) ones, or, to an
    /// [unbounded](Self::unbounded) semaphore, as many as one likes. Never waits; may be called from
    /// anywhere.
    ///
    /// # Errors
    /// [`OverRelease`] if there are not so many forgotten ones, or more than can be counted; none is
    /// given back then.
    #[doc(alias = "add_permits")]
    #[inline]
    pub fn release(&self, permits: usize) -> Result<(), OverRelease> {
        self.core().release(permits)
    }

    #[inline]
    fn core(&self) -> &Arc<Core> {
        match self.core.get() {
            Some(core) => core,
            None => self.make_core(None),
        }
    }

    #[cold]
    fn make_core(&self, name: Option<Arc<str>>) -> &Arc<Core> {
        let Semaphore { permits, is_bounded, made_at, .. } = *self;
        self.core.get_or_init(|| Arc::new(Core::new(permits, is_bounded, name, made_at)))
    }

    fn with_name(self, name: Arc<str>) -> Semaphore {
        self.make_core(Some(name));
        self
    }

    /// # Panics
    /// If there are never so many permits.
    #[inline]
    #[track_caller]
    fn check(&self, permits: usize) {
        if self.is_bounded && permits > self.permits {
            too_many(permits, self.core());
        }
    }

    // Inlined, as is what calls it: see `give_way`.
    #[inline(always)]
    #[track_caller]
    fn block(&self, permits: usize, limit: Option<Duration>) -> Result<Permit<'_>, WaitError> {
        self.check(permits);
        let core = self.core();
        let request = Request::new(core, permits, Some(Agent::current()), Location::caller());
        // Another coroutine of this thread may be about to give some back.
        let mut claim = core.try_acquire(&request);
        if claim.is_none() && give_way() {
            core.monitor().favour();
            claim = core.try_acquire(&request);
        }
        let claim = match claim {
            Some(claim) => claim,
            None => wait(request, limit)?,
        };
        Ok(Permit::new(core, claim))
    }
}

#[cold]
#[track_caller]
fn wait(request: Request<'_>, limit: Option<Duration>) -> Result<Claim, WaitError> {
    let core = request.core;
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let acquired = Wait::new(&SEMAPHORE)
        .on(&**core)
        .until(until)
        .run_or_stand_aside(Waiting::new(core.monitor(), request));
    acquired?.map_err(WaitError::Deadlock)
}

#[cold]
#[track_caller]
fn too_many(permits: usize, core: &Core) -> ! {
    panic!(
        "{core}: {permits} permits were asked for, and it never has more than {}: that wait could \
         not end",
        core.bound().unwrap_or(usize::MAX)
    )
}

// Its own state is whole whatever unwinds.
impl UnwindSafe for Semaphore {}
impl RefUnwindSafe for Semaphore {}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}
