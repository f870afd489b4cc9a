//! `Mutex`: a lock around a value, for threads, coroutines and async tasks at once.
//!
//! The protocol is stated in the `README.md` of this folder.

mod asynchronous;
mod core;
mod edge;
mod guard;
mod hold;
mod locking;
mod raw;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{Deadlock, Reason, TimedOut, WaitError};

pub use guard::{AsyncMutexGuard, MappedMutexGuard, MutexGuard};
pub(crate) use raw::{Kind, RawMutex};

use crate::order::How;
use crate::owner::Owner;
use crate::primitive::{UnsafeCell, const_unless_loom};
use crate::statistics::LockStatistics;

static MUTEX: Kind = Kind { name: "mutex", reason: Reason::new("mutex") };

/// A lock around a value: who has a guard has the value, and nobody else.
///
/// Threads, coroutines and async tasks may use the same mutex at the same time. A thread that has to wait
/// is parked, a coroutine is suspended, async code says `.await`. Those who wait are cancellable,
/// honour deadlines, and are listed by [`dump`](manyhands_wait::dump()).
///
/// **Deadlocks.** If everybody in a circle waits for what the next one holds, the last to come is told: by a
/// panic with the report out of [`lock`](Self::lock), or as an error of
/// [`lock_checked`](Self::lock_checked). A holder that locks again waits for itself and is told too;
/// [`ReentrantMutex`](crate::ReentrantMutex) lets it in. Waits with a time limit are never called deadlocked.
///
/// **Fairness.** A free lock goes to whoever comes first, also if others wait: that is what makes it
/// quick. A waiter that has waited for half a millisecond is handed the lock by its holder, in the order in
/// which they came, one in each half a millisecond. So whoever waits behind `n` others waits for `n + 1` half
/// milliseconds, or for as many holders if these take longer.
///
/// **Poison.** A holder that panics leaves a note, [`is_poisoned`](Self::is_poisoned); taking the lock
/// does not fail by it. A holder that is cancelled leaves none.
///
/// ```
/// use manyhands_sync::Mutex;
///
/// static TOTAL: Mutex<u64> = Mutex::new(0);
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| *TOTAL.lock() += 1);
///     }
/// });
/// assert_eq!(*TOTAL.lock(), 4);
/// ```
#[doc(alias = "threading.Lock")]
#[doc(alias = "Lock")]
#[doc(alias = "asyncio.Lock")]
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    value: UnsafeCell<T>,
}

// SAFETY: a mutex is its value and a lock; with the mutex goes the value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

// SAFETY: the lock lets one at a time have the value, from whichever thread.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    const_unless_loom! {
        /// A mutex around `value`. Reports name it by the place of this call;
        /// [`named`](Self::named) gives it a better name.
        #[track_caller]
        pub fn new(value: T) -> Mutex<T> {
            Mutex { raw: RawMutex::new(&MUTEX, Location::caller()), value: UnsafeCell::new(value) }
        }
    }

    /// A mutex with a name for reports and dumps.
    #[track_caller]
    pub fn named(name: impl Into<Arc<str>>, value: T) -> Mutex<T> {
        let raw = RawMutex::named(&MUTEX, name.into(), Location::caller());
        Mutex { raw, value: UnsafeCell::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock. For threads and coroutines; async code uses [`lock_async`](Self::lock_async).
    ///
    /// The wait ends early, by unwinding, if the running task is cancelled or its deadline passes.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, after its report was printed, if the wait was proven never to
    /// end.
    #[inline]
    #[track_caller]
    #[doc(alias = "acquire")]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let owner = Owner::current();
        if !self.raw.try_take(owner, Location::caller()) {
            match self.raw.lock(owner, None) {
                Ok(()) => {}
                Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
                Err(WaitError::TimedOut) => unreachable!("a wait without a limit"),
            }
        }
        self.guard(owner, How::Blocking)
    }

    /// Like [`lock`](Self::lock); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the wait was proven never to end. Whoever gets it should release what it
    /// holds, since the others wait for that.
    ///
    /// ```
    /// use manyhands_sync::Mutex;
    ///
    /// let fork = Mutex::named("fork", ());
    /// let held = fork.lock();
    /// let deadlock = fork.lock_checked().unwrap_err();
    /// assert!(deadlock.to_string().contains("waits for mutex 'fork'"));
    /// drop(held);
    /// assert!(fork.lock_checked().is_ok());
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_checked(&self) -> Result<MutexGuard<'_, T>, Deadlock> {
        let owner = Owner::current();
        if !self.raw.try_take(owner, Location::caller()) {
            match self.raw.lock(owner, None) {
                Ok(()) => {}
                Err(WaitError::Deadlock(deadlock)) => return Err(deadlock),
                Err(WaitError::TimedOut) => unreachable!("a wait without a limit"),
            }
        }
        Ok(self.guard(owner, How::Blocking))
    }

    /// Like [`lock`](Self::lock), for at most `limit`. Tries at least once.
    ///
    /// # Errors
    /// [`TimedOut`] when the time is over. A wait with a limit is never called deadlocked.
    #[track_caller]
    pub fn lock_timeout(&self, limit: Duration) -> Result<MutexGuard<'_, T>, TimedOut> {
        self.lock_until(|| Instant::now().checked_add(limit))
    }

    /// Like [`lock`](Self::lock), until `at` at the latest. Tries at least once.
    ///
    /// # Errors
    /// [`TimedOut`] when that instant has come.
    #[track_caller]
    pub fn lock_deadline(&self, at: Instant) -> Result<MutexGuard<'_, T>, TimedOut> {
        self.lock_until(|| Some(at))
    }

    #[track_caller]
    fn lock_until(
        &self,
        until: impl FnOnce() -> Option<Instant>,
    ) -> Result<MutexGuard<'_, T>, TimedOut> {
        let owner = Owner::current();
        if !self.raw.try_take(owner, Location::caller()) {
            match self.raw.lock(owner, until()) {
                Ok(()) => {}
                Err(WaitError::TimedOut) => return Err(TimedOut),
                // Only if the limit is further away than clocks can tell.
                Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
            }
        }
        Ok(self.guard(owner, How::Trying))
    }

    /// Takes the lock if nobody holds it; never waits.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let owner = Owner::current();
        self.raw.try_lock(owner, Location::caller()).then(|| self.guard(owner, How::Trying))
    }

    /// The value, without locking: whoever has the mutex exclusively is alone with it.
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: the lock is borrowed exclusively, and the result as long.
        self.value.with_mut(|value| unsafe { &mut *value })
    }

    /// Whether somebody holds the lock. Right now: it may be otherwise by the time one looks.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// Whether a holder has panicked since the mutex was made or
    /// [`clear_poison`](Self::clear_poison) called: the value may be half-changed.
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

    /// The guard of whoever has just taken the lock.
    #[inline]
    #[track_caller]
    fn guard(&self, owner: Owner, how: How) -> MutexGuard<'_, T> {
        // SAFETY: callers have just taken the lock, as `owner`, and use this once.
        let guard = unsafe { MutexGuard::new(self, owner) };
        self.raw.note_taken(owner, Location::caller(), how);
        guard
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    /// Tells who holds it and how many wait, and the value if nobody holds it. Never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.try_lock();
        let mut fields = f.debug_struct("Mutex");
        match &value {
            Some(guard) => fields.field("value", &&**guard),
            None => fields.field("value", &format_args!("<locked>")),
        };
        drop(value);
        self.raw.debug_fields(&mut fields);
        fields.finish()
    }
}
