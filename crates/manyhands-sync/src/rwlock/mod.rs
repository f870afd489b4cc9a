//! `RwLock`: a lock that many may hold to read, or one to write.
//!
//! The protocol is stated in the `README.md` of this folder.

mod asynchronous;
mod core;
mod edge;
mod guard;
mod locking;
mod word;

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use manyhands_wait::{Deadlock, Reason, TimedOut, Wait, WaitError};

pub use guard::{
    AsyncRwLockReadGuard, AsyncRwLockWriteGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard,
    RwLockReadGuard, RwLockWriteGuard,
};

use self::core::{Core, Mode};
use crate::order::How;
use crate::owner::Owner;
use crate::primitive::{UnsafeCell, const_unless_loom};
use crate::spin::spin_until;
use crate::statistics::LockStatistics;
use crate::waiters::Waiting;
use locking::Locking;
use word::{Place, WRITER, has_readers, is_free, seats};

static READ: Reason = Reason::new("read-write lock, to read");
static WRITE: Reason = Reason::new("read-write lock, to write");

/// A lock around a value that many may read at a time, or one may write.
///
/// Threads, coroutines and async tasks may use the same lock at the same time; see
/// [`Mutex`](crate::Mutex) for how they wait.
///
/// **Fairness.** Whoever comes while others wait queues up behind them if readers hold the lock, so
/// readers that come and go do not keep a writer out. When a writer leaves, the readers at the front of the
/// queue are all let in. A writer that has waited for half a millisecond is handed the lock, unless another
/// one was in the last half a millisecond.
///
/// **Deadlocks** are found as with a mutex: a writer waits for every reader, a reader for the writer that
/// holds the lock or is next. Since a reader queues up behind a writer that waits, reading twice may wait
/// for oneself, and that is reported too. A reader that wants to write has to let go first: there are no
/// upgrades, because two that upgrade wait for each other; [`RwLockWriteGuard::downgrade`] goes the other
/// way. Eight readers at a time are known by name; who waits for others counts as one who may go on,
/// unless one of the known holds it up for ever.
///
/// **Poison.** A writer that panics leaves a note, [`is_poisoned`](Self::is_poisoned); taking the lock does
/// not fail by it. A holder that is cancelled leaves none, and neither does a reader.
///
/// ```
/// use manyhands_sync::RwLock;
///
/// let menu = RwLock::named("menu", vec!["noodles"]);
/// {
///     let (one, two) = (menu.read(), menu.read()); // as many as want to
///     assert_eq!(one.len(), two.len());
/// }
/// menu.write().push("rice");
/// assert_eq!(menu.read().len(), 2);
/// ```
pub struct RwLock<T: ?Sized> {
    core: OnceLock<Arc<Core>>,
    made_at: &'static Location<'static>,
    value: UnsafeCell<T>,
}

// SAFETY: a lock is its value and a word; with the lock goes the value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

// SAFETY: the lock lets many share the value, or one have it, from whichever thread.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    const_unless_loom! {
        /// A lock around `value`. Reports name it by the place of this call;
        /// [`named`](Self::named) gives it a better name.
        #[track_caller]
        pub fn new(value: T) -> RwLock<T> {
            let made_at = Location::caller();
            RwLock { core: OnceLock::new(), made_at, value: UnsafeCell::new(value) }
        }
    }

    /// A lock with a name for reports and dumps.
    #[track_caller]
    pub fn named(name: impl Into<Arc<str>>, value: T) -> RwLock<T> {
        let lock = RwLock::new(value);
        lock.core.get_or_init(|| Arc::new(Core::new(Some(name.into()), lock.made_at)));
        lock
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits for the lock to read. For threads and coroutines; async code uses
    /// [`read_async`](Self::read_async).
    ///
    /// The wait ends early, by unwinding, if the running task is cancelled or its deadline passes.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, after its report was printed, if the wait was proven never to
    /// end.
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.read_checked().unwrap_or_else(|deadlock| deadlock.raise())
    }

    /// Waits for the lock to write. For threads and coroutines; async code uses
    /// [`write_async`](Self::write_async).
    ///
    /// The wait ends early, by unwinding, if the running task is cancelled or its deadline passes.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, after its report was printed, if the wait was proven never to
    /// end.
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.write_checked().unwrap_or_else(|deadlock| deadlock.raise())
    }

    /// Like [`read`](Self::read); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the wait was proven never to end.
    #[track_caller]
    pub fn read_checked(&self) -> Result<RwLockReadGuard<'_, T>, Deadlock> {
        self.read_until(How::Blocking, || None).map_err(a_deadlock)
    }

    /// Like [`write`](Self::write); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the wait was proven never to end. Whoever reads already and asks to write
    /// gets it at once.
    ///
    /// ```
    /// use manyhands_sync::RwLock;
    ///
    /// let menu = RwLock::named("menu", ());
    /// let reader = menu.read();
    /// let deadlock = menu.write_checked().unwrap_err();
    /// assert!(deadlock.to_string().contains("waits for read-write lock 'menu' to write"));
    /// drop(reader);
    /// assert!(menu.write_checked().is_ok());
    /// ```
    #[track_caller]
    pub fn write_checked(&self) -> Result<RwLockWriteGuard<'_, T>, Deadlock> {
        self.write_until(How::Blocking, || None).map_err(a_deadlock)
    }

    /// Like [`read`](Self::read), for at most `limit`. Tries at least once.
    ///
    /// # Errors
    /// [`TimedOut`] when the time is over. A wait with a limit is never called deadlocked.
    #[track_caller]
    pub fn read_timeout(&self, limit: Duration) -> Result<RwLockReadGuard<'_, T>, TimedOut> {
        self.read_until(How::Trying, || Instant::now().checked_add(limit)).map_err(timed_out)
    }

    /// Like [`write`](Self::write), for at most `limit`. Tries at least once.
    ///
    /// # Errors
    /// [`TimedOut`] when the time is over. A wait with a limit is never called deadlocked.
    #[track_caller]
    pub fn write_timeout(&self, limit: Duration) -> Result<RwLockWriteGuard<'_, T>, TimedOut> {
        self.write_until(How::Trying, || Instant::now().checked_add(limit)).map_err(timed_out)
    }

    /// Takes the lock to read if nobody writes and no writer waits; never waits.
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        let (owner, at) = (Owner::current(), Location::caller());
        let place = self.try_take(Mode::Read, owner, at)?;
        Some(self.read_guard(place, owner, at, How::Trying))
    }

    /// Takes the lock to write if nobody holds it; never waits.
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        let (owner, at) = (Owner::current(), Location::caller());
        self.try_take(Mode::Write, owner, at)?;
        Some(self.write_guard(owner, at, How::Trying))
    }

    /// The value, without locking: whoever has the lock exclusively is alone with it.
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: the lock is borrowed exclusively, and the result as long.
        self.value.with_mut(|value| unsafe { &mut *value })
    }

    /// Whether somebody holds the lock, to read or to write. Right now: it may be otherwise by the time
    /// one looks.
    pub fn is_locked(&self) -> bool {
        self.core.get().is_some_and(|core| !is_free(core.word()))
    }

    /// Whether somebody holds the lock to write. Right now: it may be otherwise by the time one looks.
    pub fn is_write_locked(&self) -> bool {
        self.core.get().is_some_and(|core| core.word() & WRITER != 0)
    }

    /// Whether a writer has panicked since the lock was made or [`clear_poison`](Self::clear_poison)
    /// called: the value may be half-changed.
    pub fn is_poisoned(&self) -> bool {
        self.core.get().is_some_and(|core| core.poison.is_set())
    }

    /// Takes the note away that a writer has panicked.
    pub fn clear_poison(&self) {
        if let Some(core) = self.core.get() {
            core.poison.clear();
        }
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.core.get().and_then(|core| core.name.as_deref())
    }

    /// What it has counted.
    pub fn statistics(&self) -> LockStatistics {
        self.core.get().map_or(LockStatistics::NONE, |core| core.statistics())
    }

    #[inline]
    fn core(&self) -> &Arc<Core> {
        self.core.get_or_init(|| Arc::new(Core::new(None, self.made_at)))
    }

    #[track_caller]
    fn read_until(
        &self,
        how: How,
        until: impl FnOnce() -> Option<Instant>,
    ) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        let (owner, at) = (Owner::current(), Location::caller());
        let place = match self.core().try_read(owner, at) {
            Some(place) => place,
            None => self.wait(Mode::Read, owner, until())?,
        };
        Ok(self.read_guard(place, owner, at, how))
    }

    #[track_caller]
    fn write_until(
        &self,
        how: How,
        until: impl FnOnce() -> Option<Instant>,
    ) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        let (owner, at) = (Owner::current(), Location::caller());
        if !self.core().try_write(owner, at) {
            self.wait(Mode::Write, owner, until())?;
        }
        Ok(self.write_guard(owner, at, how))
    }

    /// Waits for the lock on this stack.
    #[cold]
    #[track_caller]
    fn wait(&self, mode: Mode, owner: Owner, until: Option<Instant>) -> Result<Place, WaitError> {
        let (core, at) = (self.core(), Location::caller());
        if let Some(place) = spin(core, mode, owner, at) {
            return Ok(place);
        }
        let locking = Locking::new(core, mode, owner, at, false);
        let edge = locking.edge();
        let wait = Wait::new(mode.reason()).until(until).on(&edge);
        wait.run_or_stand_aside(Waiting::new(&core.monitor, locking))?.map_err(WaitError::Deadlock)
    }

    fn try_take(&self, mode: Mode, owner: Owner, at: &'static Location<'static>) -> Option<Place> {
        let core = self.core();
        let word = core.word();
        let quick = try_quickly(core, mode, owner, at);
        // Free, but others wait: they may have to be seen to first.
        if quick.is_none() && (is_free(word) || (mode == Mode::Read && word & WRITER == 0)) {
            return Locking::new(core, mode, owner, at, false).take(&mut core.monitor.enter()).ok();
        }
        quick
    }

    /// The guard of whoever has just taken the lock to read.
    fn read_guard(
        &self,
        place: Place,
        owner: Owner,
        at: &'static Location<'static>,
        how: How,
    ) -> RwLockReadGuard<'_, T> {
        let core = self.core();
        // SAFETY: callers have just taken the lock, have this place, and use this once.
        let guard = unsafe { RwLockReadGuard::new(&self.value, core, place, owner) };
        core.note_taken(owner, at, how);
        guard
    }

    /// The guard of whoever has just taken the lock to write.
    fn write_guard(
        &self,
        owner: Owner,
        at: &'static Location<'static>,
        how: How,
    ) -> RwLockWriteGuard<'_, T> {
        let core = self.core();
        // SAFETY: callers have just taken the lock, as `owner`, and use this once.
        let guard = unsafe { RwLockWriteGuard::new(&self.value, core, owner) };
        core.note_taken(owner, at, how);
        guard
    }
}

impl Mode {
    fn reason(self) -> &'static Reason {
        match self {
            Mode::Read => &READ,
            Mode::Write => &WRITE,
        }
    }
}

fn try_quickly(
    core: &Core,
    mode: Mode,
    owner: Owner,
    at: &'static Location<'static>,
) -> Option<Place> {
    match mode {
        Mode::Read => core.try_read(owner, at),
        Mode::Write => core.try_write(owner, at).then_some(Place::Standing),
    }
}

/// Looks for a moment whether the lock becomes free: a holder on another core is done soon.
fn spin(core: &Core, mode: Mode, owner: Owner, at: &'static Location<'static>) -> Option<Place> {
    let mut taken = None;
    spin_until(|| {
        let word = core.word();
        let may_be_taken = is_free(word) || (mode == Mode::Read && word & WRITER == 0);
        let others_wait = word & word::WAITERS != 0;
        if may_be_taken && !others_wait {
            taken = try_quickly(core, mode, owner, at);
        }
        taken.is_some() || others_wait
    });
    taken
}

fn a_deadlock(error: WaitError) -> Deadlock {
    match error {
        WaitError::Deadlock(deadlock) => deadlock,
        WaitError::TimedOut => unreachable!("a wait without a limit"),
    }
}

fn timed_out(error: WaitError) -> TimedOut {
    match error {
        WaitError::TimedOut => TimedOut,
        // Only if the limit is further away than clocks can tell.
        WaitError::Deadlock(deadlock) => deadlock.raise(),
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    /// Tells who holds it and how many wait, and the value if nobody writes or is about to. Never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.try_read();
        let mut fields = f.debug_struct("RwLock");
        match &value {
            Some(guard) => fields.field("value", &&**guard),
            None => fields.field("value", &format_args!("<locked>")),
        };
        drop(value);
        let Some(core) = self.core.get() else { return fields.finish() };
        if let Some(name) = &core.name {
            fields.field("name", name);
        }
        let word = core.word();
        if word & WRITER != 0 {
            match core.writer().map(|(writer, at)| (writer.agent(), at)) {
                Some((Some(writer), Some(at))) => {
                    fields.field("written", &format_args!("by {writer} since {at}"))
                }
                _ => fields.field("written", &true),
            };
        } else if has_readers(word) {
            let known = seats(word).filter_map(|seat| core.readers.look(seat));
            let known: Vec<String> = known.map(|(reader, _)| reader.to_string()).collect();
            fields.field("read by", &format_args!("[{}]", known.join(", ")));
        }
        if let Some(entry) = core.monitor.try_enter() {
            fields.field("waiting", &entry.waiting());
        }
        if core.poison.is_set() {
            fields.field("poisoned", &true);
        }
        fields.finish()
    }
}
