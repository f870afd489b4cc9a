//! A read-write lock in async code.

use std::future::Future;
use std::panic::Location;

use manyhands_wait::Deadlock;

use super::core::Mode;
use super::guard::{AsyncRwLockReadGuard, AsyncRwLockWriteGuard};
use super::locking::Locking;
use super::word::Place;
use super::{RwLock, try_quickly};
use crate::order::How;
use crate::owner::Owner;
use crate::waiters::Waiting;

/// In async code.
impl<T: ?Sized> RwLock<T> {
    /// Waits for the lock to read, in async code. The guard may be kept across an `.await`.
    ///
    /// Dropping the future gives the wait up; nothing is lost for the others.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, if the task is [tracked](manyhands_wait::tracked) and the wait
    /// was proven never to end.
    #[track_caller]
    pub fn read_async(&self) -> impl Future<Output = AsyncRwLockReadGuard<'_, T>> + Send
    where
        T: Send + Sync,
    {
        let wait = self.read_async_checked();
        async { wait.await.unwrap_or_else(|deadlock| deadlock.raise()) }
    }

    /// Waits for the lock to write, in async code. The guard may be kept across an `.await`.
    ///
    /// Dropping the future gives the wait up; nothing is lost for the others. A future that has been
    /// woken holds its place until it is polled or dropped: those behind it may wait as long.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, if the task is [tracked](manyhands_wait::tracked) and the wait
    /// was proven never to end.
    #[track_caller]
    pub fn write_async(&self) -> impl Future<Output = AsyncRwLockWriteGuard<'_, T>> + Send
    where
        T: Send + Sync,
    {
        let wait = self.write_async_checked();
        async { wait.await.unwrap_or_else(|deadlock| deadlock.raise()) }
    }

    /// Like [`read_async`](Self::read_async); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the task is tracked and the wait was proven never to end.
    #[track_caller]
    pub fn read_async_checked(
        &self,
    ) -> impl Future<Output = Result<AsyncRwLockReadGuard<'_, T>, Deadlock>> + Send
    where
        T: Send + Sync,
    {
        let at = Location::caller();
        async move {
            let owner = self.core().wandering.async_owner();
            let place = self.take_async(Mode::Read, owner, at).await?;
            Ok(self.async_read_guard(place, owner, at, How::Awaiting))
        }
    }

    /// Like [`write_async`](Self::write_async); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the task is tracked and the wait was proven never to end.
    #[track_caller]
    pub fn write_async_checked(
        &self,
    ) -> impl Future<Output = Result<AsyncRwLockWriteGuard<'_, T>, Deadlock>> + Send
    where
        T: Send + Sync,
    {
        let at = Location::caller();
        async move {
            let owner = self.core().wandering.async_owner();
            self.take_async(Mode::Write, owner, at).await?;
            Ok(self.async_write_guard(owner, at, How::Awaiting))
        }
    }

    /// Takes the lock to read, for async code, if nobody writes and no writer waits; never waits.
    #[track_caller]
    pub fn try_read_async(&self) -> Option<AsyncRwLockReadGuard<'_, T>> {
        let (owner, at) = (self.core().wandering.async_owner(), Location::caller());
        let place = self.try_take(Mode::Read, owner, at)?;
        Some(self.async_read_guard(place, owner, at, How::Trying))
    }

    /// Takes the lock to write, for async code, if nobody holds it; never waits.
    #[track_caller]
    pub fn try_write_async(&self) -> Option<AsyncRwLockWriteGuard<'_, T>> {
        let (owner, at) = (self.core().wandering.async_owner(), Location::caller());
        self.try_take(Mode::Write, owner, at)?;
        Some(self.async_write_guard(owner, at, How::Trying))
    }

    async fn take_async(
        &self,
        mode: Mode,
        owner: Owner,
        at: &'static Location<'static>,
    ) -> Result<Place, Deadlock> {
        let core = self.core();
        if let Some(place) = try_quickly(core, mode, owner, at) {
            return Ok(place);
        }
        let locking = Locking::new(core, mode, owner, at, true);
        Waiting::new(&core.monitor, locking).as_leaf(mode.reason(), at).await
    }

    /// The guard of whoever has just taken the lock to read.
    fn async_read_guard(
        &self,
        place: Place,
        owner: Owner,
        at: &'static Location<'static>,
        how: How,
    ) -> AsyncRwLockReadGuard<'_, T> {
        // SAFETY: callers have just taken the lock, have this place, and use this once.
        let guard = unsafe { AsyncRwLockReadGuard::new(self, place, owner) };
        self.core().note_taken(owner, at, how);
        guard
    }

    /// The guard of whoever has just taken the lock to write.
    fn async_write_guard(
        &self,
        owner: Owner,
        at: &'static Location<'static>,
        how: How,
    ) -> AsyncRwLockWriteGuard<'_, T> {
        // SAFETY: callers have just taken the lock, as `owner`, and use this once.
        let guard = unsafe { AsyncRwLockWriteGuard::new(self, owner) };
        self.core().note_taken(owner, at, how);
        guard
    }
}
