//! `ManagedSemaphore`: so many at a time among all processes.

mod ledger;
mod permit;
mod state;
#[cfg(test)]
mod tests;

pub use permit::{ManagedOwnedPermit, ManagedPermit};
pub(crate) use state::SemaphoreState;

use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, current_deadline};

use super::ask::Ask;
use super::handle;
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::pending::Pending;

static ACQUIRE: Reason = Reason::new("managed semaphore");
static CALL: Reason = Reason::new("call of a managed semaphore");

/// A number of permits of a [`Manager`](crate::Manager), of which each holder has one. Whoever has
/// waited longest is next.
///
/// A permit is given back when its guard is dropped, and when the process of its holder dies. Every
/// method fails if the semaphore is gone or cannot be reached ([`ManagerError`]).
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let seats = manager.semaphore(2);
/// let first = seats.acquire()?;
/// let second = seats.acquire()?;
/// assert!(seats.try_acquire()?.is_none());
/// drop(first);
/// assert_eq!(seats.available()?, 1);
/// # drop(second);
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "BoundedSemaphore")]
pub struct ManagedSemaphore(Handle<SemaphoreState>);

handle!(ManagedSemaphore, SemaphoreState);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl ManagedSemaphore {
    /// Waits for a permit and takes it. From threads and coroutines.
    ///
    /// # Errors
    /// Also if none would ever come, because all who have one wait, perhaps through others, for the caller
    /// ([`WouldDeadlock`](crate::ManagerErrorKind::WouldDeadlock)).
    #[track_caller]
    pub fn acquire(&self) -> Result<ManagedPermit, ManagerError> {
        let token = self.request(current_deadline().is_some()).wait(&ACQUIRE)?;
        Ok(ManagedPermit::new(self, token))
    }

    /// Like [`acquire`](Self::acquire), for async code. The permit may go on in another thread, so nobody
    /// knows whether somebody who waits for it waits for ever.
    #[track_caller]
    pub fn acquire_async(
        &self,
    ) -> impl Future<Output = Result<ManagedOwnedPermit, ManagerError>> + Send + use<'_> {
        let place = Location::caller();
        async move {
            let token = self.0.start(Ask::somewhere(place), SemaphoreState::acquire).await?;
            Ok(ManagedOwnedPermit::new(self, token))
        }
    }

    /// Takes a permit if there is one.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<Option<ManagedPermit>, ManagerError> {
        let token = self.0.start(Ask::here(true), SemaphoreState::try_acquire).wait(&CALL)?;
        Ok(token.map(|token| ManagedPermit::new(self, token)))
    }

    /// Like [`acquire`](Self::acquire), for at most `limit`; `None` if there was none until then.
    #[track_caller]
    pub fn acquire_timeout(&self, limit: Duration) -> Result<Option<ManagedPermit>, ManagerError> {
        match self.request(true).wait_until(&ACQUIRE, Instant::now().checked_add(limit)) {
            Ok(token) => token.map(|token| Some(ManagedPermit::new(self, token))),
            Err(_time_is_over) => Ok(None),
        }
    }

    /// Gives a permit back whose guard was [forgotten](ManagedPermit::forget).
    ///
    /// # Errors
    /// Also if all permits are there: then nothing is changed.
    #[track_caller]
    pub fn release(&self) -> Result<(), ManagerError> {
        self.0.start((), SemaphoreState::release).wait(&CALL)
    }

    /// How many permits there are to take.
    #[track_caller]
    pub fn available(&self) -> Result<usize, ManagerError> {
        self.0.start((), SemaphoreState::available).wait(&CALL)
    }

    #[track_caller]
    fn request(&self, may_leave: bool) -> Pending<SemaphoreState, u64> {
        self.0.start(Ask::here(may_leave), SemaphoreState::acquire)
    }
}
