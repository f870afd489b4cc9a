//! Somebody who is told of every lock that is taken and released: for the order in which locks are
//! taken. Costs one relaxed load for each while nobody is there.

use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A lock as a [`LockObserver`] sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ObservedLock<'a> {
    /// A number that no other lock has while this one exists.
    pub id: usize,
    /// What it is, such as `mutex`.
    pub kind: &'static str,
    /// Its name, if it was given one.
    pub name: Option<&'a str>,
    /// Where it was made.
    pub made_at: &'static Location<'static>,
}

/// How a lock was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By a call that would have waited without a limit, and so could have been part of a deadlock.
    Waiting,
    /// By a call that tries, or waits for a limited time.
    Trying,
}

/// Is told of every lock that is taken and released. Called on the stack of whoever does it, who holds
/// the lock in both cases: it must not take locks of this crate itself, and should be quick.
pub trait LockObserver: Send + Sync {
    /// The lock was taken at this place.
    fn acquired(&self, lock: &ObservedLock<'_>, at: &'static Location<'static>, how: How);

    /// The lock is about to be released.
    fn released(&self, lock: &ObservedLock<'_>);
}

static IS_ON: AtomicBool = AtomicBool::new(false);
static OBSERVER: OnceLock<Box<dyn LockObserver>> = OnceLock::new();

/// Installs the observer of this process; there is one, for good. It is told of locks while it is
/// [switched on](switch_observer), which it is from now on.
///
/// # Errors
/// The observer, if there was one already.
pub fn observe_locks(observer: Box<dyn LockObserver>) -> Result<(), Box<dyn LockObserver>> {
    OBSERVER.set(observer)?;
    switch_observer(true);
    Ok(())
}

/// Has the observer told of locks or not, from now on. Locks that are held when it is switched on are
/// released without having been taken.
pub fn switch_observer(on: bool) {
    IS_ON.store(on, Ordering::Relaxed);
}

#[inline]
pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

#[cold]
pub(crate) fn acquired(lock: ObservedLock<'_>, at: &'static Location<'static>, how: How) {
    if let Some(observer) = OBSERVER.get() {
        observer.acquired(&lock, at, how);
    }
}

#[cold]
pub(crate) fn released(lock: ObservedLock<'_>) {
    if let Some(observer) = OBSERVER.get() {
        observer.released(&lock);
    }
}
