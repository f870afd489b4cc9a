//! A mutex in async code.

use std::future::Future;
use std::panic::Location;

use manyhands_wait::Deadlock;

use super::Mutex;
use super::guard::AsyncMutexGuard;
use crate::order::How;
use crate::owner::Owner;

/// In async code.
impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock, in async code. The guard may be kept across an `.await`.
    ///
    /// Dropping the future gives the wait up; nothing is lost for the others. A future that has been
    /// woken holds its place until it is polled or dropped: those behind it may wait as long.
    ///
    /// # Panics
    /// With a [`Deadlock`] as the payload, if the task is [tracked](manyhands_wait::tracked) and the wait
    /// was proven never to end.
    ///
    /// ```
    /// use manyhands_sync::Mutex;
    ///
    /// # manyhands_wait::wait(async {
    /// let total = Mutex::new(1);
    /// *total.lock_async().await += 1;
    /// assert_eq!(*total.lock_async().await, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn lock_async(&self) -> impl Future<Output = AsyncMutexGuard<'_, T>> + Send
    where
        T: Send,
    {
        let wait = self.lock_async_checked();
        async { wait.await.unwrap_or_else(|deadlock| deadlock.raise()) }
    }

    /// Like [`lock_async`](Self::lock_async); a deadlock is an error.
    ///
    /// # Errors
    /// The [`Deadlock`], if the task is [tracked](manyhands_wait::tracked) and the wait was proven never
    /// to end.
    #[track_caller]
    pub fn lock_async_checked(
        &self,
    ) -> impl Future<Output = Result<AsyncMutexGuard<'_, T>, Deadlock>> + Send
    where
        T: Send,
    {
        self.lock_async_at(Location::caller())
    }

    /// Like [`lock_async_checked`](Self::lock_async_checked), for a caller at this place.
    pub(crate) async fn lock_async_at(
        &self,
        at: &'static Location<'static>,
    ) -> Result<AsyncMutexGuard<'_, T>, Deadlock>
    where
        T: Send,
    {
        let owner = self.raw.async_owner();
        if !self.raw.try_take(owner, at) {
            self.raw.lock_async(owner, at).await?;
        }
        Ok(self.async_guard(owner, at, How::Awaiting))
    }

    /// Takes the lock for async code if nobody holds it; never waits.
    #[track_caller]
    pub fn try_lock_async(&self) -> Option<AsyncMutexGuard<'_, T>> {
        let (owner, at) = (self.raw.async_owner(), Location::caller());
        self.raw.try_lock(owner, at).then(|| self.async_guard(owner, at, How::Trying))
    }

    /// The guard of whoever has just taken the lock.
    fn async_guard(
        &self,
        owner: Owner,
        at: &'static Location<'static>,
        how: How,
    ) -> AsyncMutexGuard<'_, T> {
        // SAFETY: callers have just taken the lock, as `owner`, and use this once.
        let guard = unsafe { AsyncMutexGuard::new(self, owner) };
        self.raw.note_taken(owner, at, how);
        guard
    }
}
