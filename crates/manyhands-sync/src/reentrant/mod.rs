//! `ReentrantMutex`: a lock that its holder may take again.
//!
//! The lock is that of [`Mutex`](crate::Mutex), and a count of how often its holder has taken it.

mod guard;

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{Deadlock, Reason, TimedOut, WaitError};

pub use guard::{MappedReentrantMutexGuard, ReentrantMutexGuard};

use crate::mutex::{Kind, RawMutex};
use crate::order::How;
use crate::owner::Owner;
use crate::primitive::{AtomicU32, AtomicUsize, Ordering, const_unless_loom};
use crate::statistics::LockStatistics;

static REENTRANT_MUTEX: Kind =
    Kind { name: "re-entrant mutex", reason: Reason::new("re-entrant mutex") };

/// A lock around a value that its holder may take again: it is free when the holder has dropped as many
/// guards as it took.
///
/// The holder is the thread or coroutine that runs, or the [tracked](manyhands_wait::tracked) async task
/// that is polled; two coroutines of one thread are two holders. A guard gives shared access only, since
/// the holder may have several: use a `Cell` or `RefCell` inside for what changes.
///
/// Deadlocks, fairness, poison and everything else are as with [`Mutex`](crate::Mutex).
///
/// ```
/// use std::cell::Cell;
/// use manyhands_sync::ReentrantMutex;
///
/// let count = ReentrantMutex::new(Cell::new(0));
/// fn add(count: &ReentrantMutex<Cell<u32>>, times: u32) {
///     let held = count.lock();
///     held.set(held.get() + 1);
///     if times > 1 {
///         add(count, times - 1); // takes the lock again
///     }
/// }
/// add(&count, 3);
/// assert_eq!(count.lock().get(), 3);
/// ```
#[doc(alias = "threading.RLock")]
#[doc(alias = "RLock")]
#[doc(alias = "gevent.lock.RLock")]
pub struct ReentrantMutex<T: ?Sized> {
    raw: RawMutex,
    /// How many guards the holder has besides the first. Changed by the holder alone.
    again: AtomicU32,
    /// The thread on which the holder has taken it.
    thread: AtomicUsize,
    value: T,
}

// SAFETY: the lock lets one holder at a time have shared access to the value, on one thread; when another
// thread has it later, that is as if the value had been sent there.
unsafe impl<T: ?Sized + Send> Sync for ReentrantMutex<T> {}

impl<T> ReentrantMutex<T> {
    const_unless_loom! {
        /// A re-entrant mutex around `value`. Reports name it by the place of this call;
        /// [`named`](Self::named) gives it a better name.
        #[track_caller]
        pub fn new(value: T) -> ReentrantMutex<T> {
            let raw = RawMutex::new(&REENTRANT_MUTEX, Location::caller());
            ReentrantMutex { raw, again: AtomicU32::new(0), thread: AtomicUsize::new(0), value }
        }
    }

    /// A re-entrant mutex with a name for reports and dumps.
    #[track_caller]
    pub fn named(name: impl Into<Arc<str>>, value: T) -> ReentrantMutex<T> {
        let raw = RawMutex::named(&REENTRANT_MUTEX, name.into(), Location::caller());
        ReentrantMutex { raw, again: AtomicU32::new(0), thread: AtomicUsize::new(0), value }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: ?Sized> ReentrantMutex<T> {
    /// Waits for the lock, unless the caller holds it. For threads and coroutines; async code uses
    /// [`lock_async`](Self::lock_async).
    ///
    /// The wait ends early, by unwinding, if the running task is cancelled or its deadline passes.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, after its report was printed, if the wait was proven never to
    /// end; and if the caller holds it 2³² times.
    #[inline]
    #[track_caller]
    #[doc(alias = "acquire")]
    pub fn lock(&self) -> ReentrantMutexGuard<'_, T> {
        self.lock_checked().unwrap_or_else(|deadlock| deadlock.raise())
    }

    /// Like [`lock`](Self::lock); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the wait was proven never to end.
    #[inline]
    #[track_caller]
    pub fn lock_checked(&self) -> Result<ReentrantMutexGuard<'_, T>, Deadlock> {
        match self.lock_until(How::Blocking, || None) {
            Ok(guard) => Ok(guard),
            Err(WaitError::Deadlock(deadlock)) => Err(deadlock),
            Err(WaitError::TimedOut) => unreachable!("a wait without a limit"),
        }
    }

    /// Like [`lock`](Self::lock), for at most `limit`. Tries at least once.
    ///
    /// # Errors
    /// [`TimedOut`] when the time is over. A wait with a limit is never called deadlocked.
    #[track_caller]
    pub fn lock_timeout(&self, limit: Duration) -> Result<ReentrantMutexGuard<'_, T>, TimedOut> {
        let guard = self.lock_until(How::Trying, || Instant::now().checked_add(limit));
        guard.map_err(timed_out)
    }

    /// Like [`lock`](Self::lock), until `at` at the latest. Tries at least once.
    ///
    /// # Errors
    /// [`TimedOut`] when that instant has come.
    #[track_caller]
    pub fn lock_deadline(&self, at: Instant) -> Result<ReentrantMutexGuard<'_, T>, TimedOut> {
        self.lock_until(How::Trying, || Some(at)).map_err(timed_out)
    }

    #[inline]
    #[track_caller]
    fn lock_until(
        &self,
        how: How,
        until: impl FnOnce() -> Option<Instant>,
    ) -> Result<ReentrantMutexGuard<'_, T>, WaitError> {
        let owner = Owner::innermost();
        let at = Location::caller();
        // First, since it takes a load to see, and the other way an exchange that fails.
        if self.take_again(owner) {
            return Ok(self.another_guard(owner));
        }
        if !self.raw.try_take(owner, at) {
            self.raw.lock(owner, until())?;
        }
        Ok(self.guard(owner, at, how))
    }

    /// Takes the lock if nobody else holds it; never waits.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<ReentrantMutexGuard<'_, T>> {
        let owner = Owner::innermost();
        let at = Location::caller();
        if self.raw.try_lock(owner, at) {
            return Some(self.guard(owner, at, How::Trying));
        }
        self.take_again(owner).then(|| self.another_guard(owner))
    }

    /// Waits for the lock in async code, unless the task holds it. The guard stays on its thread, so a
    /// task that a runtime may move cannot keep it across an `.await`.
    ///
    /// Only a [tracked](manyhands_wait::tracked) task is known as the holder again. In others this is
    /// a lock like any other: whoever takes it again waits for itself.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, if the task is tracked and the wait was proven never to end.
    #[track_caller]
    pub fn lock_async(&self) -> impl Future<Output = ReentrantMutexGuard<'_, T>> + Send
    where
        T: Send,
    {
        let wait = self.lock_async_checked();
        async { wait.await.unwrap_or_else(|deadlock| deadlock.raise()) }
    }

    /// Like [`lock_async`](Self::lock_async); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the task is tracked and the wait was proven never to end.
    #[track_caller]
    pub fn lock_async_checked(
        &self,
    ) -> impl Future<Output = Result<ReentrantMutexGuard<'_, T>, Deadlock>> + Send
    where
        T: Send,
    {
        let at = Location::caller();
        async move {
            let owner = self.raw.async_owner();
            if !self.raw.try_take(owner, at) {
                if self.take_again(owner) {
                    return Ok(self.another_guard(owner));
                }
                self.raw.lock_async(owner, at).await?;
            }
            Ok(self.guard(owner, at, How::Awaiting))
        }
    }

    /// The value, without locking: whoever has the mutex exclusively is alone with it.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Whether somebody holds the lock. Right now: it may be otherwise by the time one looks, unless the
    /// caller [holds it](Self::is_held_by_caller).
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// Whether the thread, coroutine or tracked task that asks holds the lock.
    pub fn is_held_by_caller(&self) -> bool {
        self.raw.owner() == Some(Owner::innermost())
    }

    /// Whether a holder has panicked since the mutex was made or
    /// [`clear_poison`](Self::clear_poison) called.
    pub fn is_poisoned(&self) -> bool {
        self.raw.poison.is_set()
    }

    /// Takes the note away that a holder has panicked.
    pub fn clear_poison(&self) {
        self.raw.poison.clear();
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.raw.name()
    }

    /// What it has counted.
    pub fn statistics(&self) -> LockStatistics {
        self.raw.statistics()
    }

    /// Counts once more if `owner` holds the lock; it is the caller, so it cannot release it meanwhile.
    ///
    /// A task may have moved to another thread since it took the lock and forgot the guard. That one
    /// could still be reached on its thread: two threads would have the value.
    #[inline]
    fn take_again(&self, owner: Owner) -> bool {
        let is_holder = owner != Owner::ANONYMOUS && self.raw.owner() == Some(owner);
        if !is_holder || self.thread.load(Ordering::Relaxed) != this_thread() {
            return false;
        }
        let again = self.again.load(Ordering::Relaxed).checked_add(1);
        self.again.store(again.expect("fewer than 2^32 guards of one holder"), Ordering::Relaxed);
        true
    }

    /// The guard of whoever has just taken the lock.
    #[inline]
    fn guard(
        &self,
        owner: Owner,
        at: &'static Location<'static>,
        how: How,
    ) -> ReentrantMutexGuard<'_, T> {
        self.thread.store(this_thread(), Ordering::Relaxed);
        let guard = self.another_guard(owner);
        self.raw.note_taken(owner, at, how);
        guard
    }

    /// The guard of whoever has taken the lock again.
    #[inline]
    fn another_guard(&self, owner: Owner) -> ReentrantMutexGuard<'_, T> {
        // SAFETY: callers have just taken the lock or counted once more, as `owner`.
        unsafe { ReentrantMutexGuard::new(self, owner) }
    }
}

/// A number that no other thread has that is alive.
#[inline]
fn this_thread() -> usize {
    std::thread_local! { static PLACE: u8 = const { 0 }; }
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

fn timed_out(error: WaitError) -> TimedOut {
    match error {
        WaitError::TimedOut => TimedOut,
        // Only if the limit is further away than clocks can tell.
        WaitError::Deadlock(deadlock) => deadlock.raise(),
    }
}

impl<T: Default> Default for ReentrantMutex<T> {
    #[track_caller]
    fn default() -> ReentrantMutex<T> {
        ReentrantMutex::new(T::default())
    }
}

impl<T> From<T> for ReentrantMutex<T> {
    #[track_caller]
    fn from(value: T) -> ReentrantMutex<T> {
        ReentrantMutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutex<T> {
    /// Tells who holds it and how many wait, and the value if nobody else holds it. Never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.try_lock();
        let mut fields = f.debug_struct("ReentrantMutex");
        match &value {
            Some(guard) => fields.field("value", &&**guard),
            None => fields.field("value", &format_args!("<locked>")),
        };
        drop(value);
        self.raw.debug_fields(&mut fields);
        fields.finish()
    }
}
