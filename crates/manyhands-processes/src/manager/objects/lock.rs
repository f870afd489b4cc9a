//! `ManagedLock`: one holder at a time among all processes, and what happens when the holder dies.
//!
//! [`LockState`] is the lock at its owner; the handle is in front of it.

mod edge;
mod guard;
mod situation;
mod state;
#[cfg(test)]
mod tests;

pub use guard::{ManagedLockGuard, ManagedLockOwnedGuard};
pub use situation::{LockSituation, LockUser, managed_locks};
pub(crate) use state::LockState;

use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, current_deadline};

use super::ask::Ask;
use super::handle;
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::pending::Pending;
use state::Granted;

static LOCK: Reason = Reason::new("managed lock");
static TRY_LOCK: Reason = Reason::new("trying a managed lock");
static LOOK: Reason = Reason::new("who holds a managed lock");

/// A lock of a [`Manager`](crate::Manager): one holder at a time among all threads, coroutines and
/// tasks of all processes that have a handle. Whoever has waited longest is next.
///
/// If the process of the holder dies, the lock is released, and the next holder is told
/// ([`ManagedLockGuard::predecessor_died`]): what the lock protects may be half changed. It is not
/// re-entrant: a thread or coroutine that holds it and asks again gets an error
/// ([`WouldDeadlock`](crate::ManagerErrorKind::WouldDeadlock)), since it would wait for itself.
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let lock = manager.lock();
/// let guard = lock.lock()?;
/// assert!(lock.try_lock()?.is_none());
/// drop(guard);
/// assert!(lock.try_lock()?.is_some());
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "AcquirerProxy")]
pub struct ManagedLock(Handle<LockState>);

handle!(ManagedLock, LockState);

impl ManagedLock {
    /// Waits until the lock is free, and takes it.
    ///
    /// From threads and coroutines. If the caller is cancelled while it waits, it does not get the
    /// lock, nor does anybody wait for it to give it back.
    ///
    /// # Errors
    /// If the lock is gone or cannot be reached; if it would never be granted, because the caller holds
    /// it already or because its holder waits, perhaps through others, for the caller
    /// ([`WouldDeadlock`](crate::ManagerErrorKind::WouldDeadlock)).
    #[doc(alias = "acquire")]
    #[track_caller]
    pub fn lock(&self) -> Result<ManagedLockGuard, ManagerError> {
        self.request(current_deadline().is_some())
            .wait(&LOCK)
            .map(|granted| ManagedLockGuard::new(self, granted))
    }

    /// Like [`lock`](Self::lock), for async code. The guard may go on in another thread, as tasks of a
    /// runtime do; so nobody knows whether somebody who asks again would wait for itself.
    ///
    /// # Errors
    /// If the lock is gone or cannot be reached.
    #[track_caller]
    pub fn lock_async(
        &self,
    ) -> impl Future<Output = Result<ManagedLockOwnedGuard, ManagerError>> + Send + use<'_> {
        let place = Location::caller();
        async move {
            let granted = self.0.start(Ask::somewhere(place), LockState::lock).await?;
            Ok(ManagedLockOwnedGuard::new(self, granted))
        }
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// If the lock is gone or cannot be reached.
    #[track_caller]
    pub fn try_lock(&self) -> Result<Option<ManagedLockGuard>, ManagerError> {
        let granted = self.0.start(Ask::here(true), LockState::try_lock).wait(&TRY_LOCK)?;
        Ok(granted.map(|granted| ManagedLockGuard::new(self, granted)))
    }

    /// Like [`lock`](Self::lock), for at most `limit`; `None` if it was not free until then.
    ///
    /// # Errors
    /// Like [`lock`](Self::lock).
    #[track_caller]
    pub fn lock_timeout(&self, limit: Duration) -> Result<Option<ManagedLockGuard>, ManagerError> {
        let mut request = self.request(true);
        match request.wait_until(&LOCK, Instant::now().checked_add(limit)) {
            Ok(granted) => granted.map(|granted| Some(ManagedLockGuard::new(self, granted))),
            Err(_time_is_over) => Ok(None),
        }
    }

    /// Who holds the lock, as of a moment ago.
    ///
    /// # Errors
    /// If the lock is gone or cannot be reached.
    #[track_caller]
    pub fn holder(&self) -> Result<Option<LockUser>, ManagerError> {
        self.situation().map(|situation| situation.holder)
    }

    /// Who holds the lock and who waits for it, as of a moment ago.
    ///
    /// # Errors
    /// If the lock is gone or cannot be reached.
    #[track_caller]
    pub fn situation(&self) -> Result<LockSituation, ManagerError> {
        let (name, holder, waiters) = self.0.start((), LockState::look).wait(&LOOK)?;
        Ok(LockSituation { lock: self.id(), name, holder, waiters })
    }

    /// A call of [`lock`](Self::lock) that nobody waits for yet.
    #[cfg(test)]
    pub(crate) fn begin_lock(&self) -> impl Sized + use<> {
        self.request(true)
    }

    #[track_caller]
    fn request(&self, may_leave: bool) -> Pending<LockState, Granted> {
        self.0.start(Ask::here(may_leave), LockState::lock)
    }
}
