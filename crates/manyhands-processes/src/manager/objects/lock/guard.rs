//! What a holder of a managed lock has in hand.

use std::marker::PhantomData;

use super::ManagedLock;
use super::state::{Granted, LockState};

/// The lock is held as long as this lives. It stays with the thread or coroutine that has taken the
/// lock, as the guards of the standard library do; [`into_owned`](Self::into_owned) makes one that
/// does not.
///
/// ```compile_fail
/// let lock = manyhands_processes::Manager::new().lock();
/// let guard = lock.lock().unwrap();
/// std::thread::spawn(move || drop(guard));
/// ```
#[must_use = "dropped, it releases the lock"]
#[derive(Debug)]
pub struct ManagedLockGuard {
    guard: ManagedLockOwnedGuard,
    /// Not to be sent: whoever has taken the lock is whoever releases it.
    bound: PhantomData<*const ()>,
}

impl ManagedLockGuard {
    pub(super) fn new(lock: &ManagedLock, granted: Granted) -> ManagedLockGuard {
        ManagedLockGuard { guard: ManagedLockOwnedGuard::new(lock, granted), bound: PhantomData }
    }

    /// Whether the holder before died while it had the lock, so that what the lock protects may be
    /// half changed. Only the first holder after it is told.
    pub fn predecessor_died(&self) -> bool {
        self.guard.predecessor_died()
    }

    /// A guard that another thread may release. From then on it cannot be known any more whether this
    /// thread or coroutine, when it asks for the lock again, would wait for itself: then it waits.
    pub fn into_owned(self) -> ManagedLockOwnedGuard {
        // A lock that is gone or cannot be reached is held by nobody.
        let _gone = self.guard.lock.0.tell(self.guard.granted.token, LockState::unbind);
        self.guard
    }
}

/// Like [`ManagedLockGuard`], for async code and other holders that go from thread to thread.
#[must_use = "dropped, it releases the lock"]
#[derive(Debug)]
pub struct ManagedLockOwnedGuard {
    lock: ManagedLock,
    granted: Granted,
}

impl ManagedLockOwnedGuard {
    pub(super) fn new(lock: &ManagedLock, granted: Granted) -> ManagedLockOwnedGuard {
        ManagedLockOwnedGuard { lock: lock.clone(), granted }
    }

    /// Like [`ManagedLockGuard::predecessor_died`].
    pub fn predecessor_died(&self) -> bool {
        self.granted.predecessor_died
    }
}

impl Drop for ManagedLockOwnedGuard {
    fn drop(&mut self) {
        // A lock that is gone or cannot be reached is held by nobody.
        let _gone = self.lock.0.tell(self.granted.token, LockState::unlock);
    }
}
