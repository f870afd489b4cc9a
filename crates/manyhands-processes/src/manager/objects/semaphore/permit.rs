//! What a holder of a permit has in hand.

use std::marker::PhantomData;

use super::{CALL, ManagedSemaphore, SemaphoreState};
use crate::manager::error::ManagerError;

/// A permit of a [`ManagedSemaphore`], given back when this is dropped. It stays with the thread or
/// coroutine that has taken it; [`into_owned`](Self::into_owned) makes one that does not.
///
/// ```compile_fail
/// let seats = manyhands_processes::Manager::new().semaphore(1);
/// let permit = seats.acquire().unwrap();
/// std::thread::spawn(move || drop(permit));
/// ```
#[must_use = "dropped, it gives the permit back"]
#[derive(Debug)]
pub struct ManagedPermit {
    permit: ManagedOwnedPermit,
    /// Not to be sent: whoever has taken it is whoever gives it back.
    bound: PhantomData<*const ()>,
}

impl ManagedPermit {
    pub(super) fn new(semaphore: &ManagedSemaphore, token: u64) -> ManagedPermit {
        ManagedPermit { permit: ManagedOwnedPermit::new(semaphore, token), bound: PhantomData }
    }

    /// A permit that another thread may give back. From then on nobody who waits for the semaphore can be
    /// known to wait for ever.
    pub fn into_owned(self) -> ManagedOwnedPermit {
        // A semaphore that is gone or cannot be reached has no holders.
        let _gone = self.permit.semaphore.0.tell(self.permit.token, SemaphoreState::unbind);
        self.permit
    }

    /// Keeps the permit taken until somebody, anywhere, calls
    /// [`release`](ManagedSemaphore::release). It then belongs to no process and outlives all that die.
    ///
    /// # Errors
    /// If the semaphore is gone or cannot be reached.
    #[track_caller]
    pub fn forget(self) -> Result<(), ManagerError> {
        self.permit.forget()
    }
}

/// Like [`ManagedPermit`], for async code and other holders that go from thread to thread.
#[must_use = "dropped, it gives the permit back"]
#[derive(Debug)]
pub struct ManagedOwnedPermit {
    semaphore: ManagedSemaphore,
    /// 0 once it was forgotten.
    token: u64,
}

impl ManagedOwnedPermit {
    pub(super) fn new(semaphore: &ManagedSemaphore, token: u64) -> ManagedOwnedPermit {
        ManagedOwnedPermit { semaphore: semaphore.clone(), token }
    }

    /// Like [`ManagedPermit::forget`].
    ///
    /// # Errors
    /// If the semaphore is gone or cannot be reached.
    #[track_caller]
    pub fn forget(mut self) -> Result<(), ManagerError> {
        // From here on dropping this does nothing.
        let token = std::mem::take(&mut self.token);
        self.semaphore.0.start(token, SemaphoreState::forget).wait(&CALL)
    }
}

impl Drop for ManagedOwnedPermit {
    fn drop(&mut self) {
        if self.token != 0 {
            // A semaphore that is gone or cannot be reached has no permits to take.
            let _gone = self.semaphore.0.tell(self.token, SemaphoreState::give_back);
        }
    }
}
