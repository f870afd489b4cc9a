//! Guards of a re-entrant mutex.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::ReentrantMutex;
use crate::mutex::RawMutex;
use crate::owner::Owner;
use crate::poison::WasPanicking;
use crate::primitive::{AtomicU32, Ordering};

/// The lock is held once more than without this.
struct Held<'a> {
    raw: &'a RawMutex,
    again: &'a AtomicU32,
    owner: Owner,
    was_panicking: WasPanicking,
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.raw.poison.note(self.was_panicking);
        // The holder is on this thread, as this guard is: nobody else counts.
        match self.again.load(Ordering::Relaxed).checked_sub(1) {
            Some(again) => self.again.store(again, Ordering::Relaxed),
            None => {
                self.raw.note_released(self.owner);
                self.raw.unlock(self.owner);
            }
        }
    }
}

/// One of the guards that the holder of a [`ReentrantMutex`] has. When it has dropped all of them the
/// lock is free.
///
/// It stays on its thread, with the holder that has taken it.
#[must_use = "the lock is released at once if its guard is not kept"]
#[doc(alias = "release")]
pub struct ReentrantMutexGuard<'a, T: ?Sized> {
    mutex: &'a ReentrantMutex<T>,
    held: Held<'a>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared access to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for ReentrantMutexGuard<'_, T> {}

impl<'a, T: ?Sized> ReentrantMutexGuard<'a, T> {
    /// # Safety
    /// `owner` has taken the lock, or has counted once more, for this guard alone.
    #[inline]
    pub(super) unsafe fn new(
        mutex: &'a ReentrantMutex<T>,
        owner: Owner,
    ) -> ReentrantMutexGuard<'a, T> {
        let was_panicking = WasPanicking::now();
        let held = Held { raw: &mutex.raw, again: &mutex.again, owner, was_panicking };
        ReentrantMutexGuard { mutex, held, _not_send: PhantomData }
    }

    /// The mutex that is held.
    pub fn mutex(guard: &ReentrantMutexGuard<'a, T>) -> &'a ReentrantMutex<T> {
        guard.mutex
    }

    /// Narrows the guard to a part of the value; the whole mutex stays locked.
    pub fn map<U: ?Sized>(
        guard: ReentrantMutexGuard<'a, T>,
        part: impl FnOnce(&T) -> &U,
    ) -> MappedReentrantMutexGuard<'a, U> {
        let ReentrantMutexGuard { mutex, held, _not_send } = guard;
        MappedReentrantMutexGuard { value: part(&mutex.value), _held: held, _not_send }
    }
}

impl<T: ?Sized> Deref for ReentrantMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.mutex.value
    }
}

/// A [`ReentrantMutexGuard`] narrowed to a part of the value, by [`ReentrantMutexGuard::map`].
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct MappedReentrantMutexGuard<'a, U: ?Sized> {
    value: &'a U,
    _held: Held<'a>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared access to the part, and nothing else.
unsafe impl<U: ?Sized + Sync> Sync for MappedReentrantMutexGuard<'_, U> {}

impl<U: ?Sized> Deref for MappedReentrantMutexGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        self.value
    }
}

macro_rules! show_what_is_guarded {
    ($($guard:ident)+) => {$(
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&**self, f)
            }
        }
    )+};
}

show_what_is_guarded!(ReentrantMutexGuard MappedReentrantMutexGuard);
