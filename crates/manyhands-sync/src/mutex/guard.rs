//! Guards of a mutex: who has one holds the lock.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::Mutex;
use super::raw::RawMutex;
use crate::owner::Owner;
use crate::poison::WasPanicking;

/// The lock is held; released when this is dropped.
pub(super) struct Held<'a> {
    raw: &'a RawMutex,
    owner: Owner,
    was_panicking: WasPanicking,
}

impl<'a> Held<'a> {
    /// # Safety
    /// `owner` has taken the lock, and this is the only thing that releases it.
    #[inline]
    pub(super) unsafe fn new(raw: &'a RawMutex, owner: Owner) -> Held<'a> {
        Held { raw, owner, was_panicking: WasPanicking::now() }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.raw.note_released(self.owner);
        self.raw.poison.note(self.was_panicking);
        self.raw.unlock(self.owner);
    }
}

/// The lock of a [`Mutex`] and access to what it guards; released when it is dropped, unwinding too.
///
/// It belongs to the thread or coroutine that has taken it and cannot be sent to another thread. Coroutines of
/// one thread need no `Send`, so the compiler does not keep it from being given to a sibling. Do not: the
/// wait-for graph takes whoever took the lock for whoever releases it, and a wait for the lock in the one
/// that gave it away would be called a deadlock with itself.
#[must_use = "the lock is released at once if its guard is not kept"]
#[doc(alias = "release")]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    _held: Held<'a>,
    /// Whoever takes the lock releases it: what waits for it relies on that.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared access to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// # Safety
    /// `owner` has taken the mutex's lock, and this is the only thing that releases it.
    #[inline]
    pub(super) unsafe fn new(mutex: &'a Mutex<T>, owner: Owner) -> MutexGuard<'a, T> {
        // SAFETY: promised by the caller.
        let held = unsafe { Held::new(&mutex.raw, owner) };
        MutexGuard { mutex, _held: held, _not_send: PhantomData }
    }

    /// The mutex that is held, to take it again later.
    pub fn mutex(guard: &MutexGuard<'a, T>) -> &'a Mutex<T> {
        guard.mutex
    }

    /// Narrows the guard to a part of the value; the whole mutex stays locked.
    ///
    /// ```
    /// use manyhands_sync::{Mutex, MutexGuard};
    ///
    /// let pair = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(pair.lock(), |pair| &mut pair.0);
    /// *number += 1;
    /// drop(number);
    /// assert_eq!(pair.lock().0, 2);
    /// ```
    pub fn map<U: ?Sized>(
        guard: MutexGuard<'a, T>,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        let MutexGuard { mutex, _held: held, _not_send } = guard;
        // SAFETY: the lock is held, by `held`, and this is the only reference made from it.
        let value = mutex.value.with_mut(|value| NonNull::from(part(unsafe { &mut *value })));
        MappedMutexGuard { value, _held: held, _not_send, _value: PhantomData }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, and exclusive access needs the guard exclusively.
        self.mutex.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and the guard is borrowed exclusively.
        self.mutex.value.with_mut(|value| unsafe { &mut *value })
    }
}

/// A [`MutexGuard`] narrowed to a part of the value, by [`MutexGuard::map`].
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct MappedMutexGuard<'a, U: ?Sized> {
    value: NonNull<U>,
    _held: Held<'a>,
    _not_send: PhantomData<*const ()>,
    _value: PhantomData<&'a mut U>,
}

// SAFETY: a shared guard gives shared access to the part, and nothing else.
unsafe impl<U: ?Sized + Sync> Sync for MappedMutexGuard<'_, U> {}

impl<'a, U: ?Sized> MappedMutexGuard<'a, U> {
    /// Narrows the guard further.
    pub fn map<V: ?Sized>(
        guard: MappedMutexGuard<'a, U>,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> MappedMutexGuard<'a, V> {
        let MappedMutexGuard { mut value, _held: held, _not_send, _value: _ } = guard;
        // SAFETY: the lock is held, by `held`, and the guard was the only way to the part.
        let value = NonNull::from(part(unsafe { value.as_mut() }));
        MappedMutexGuard { value, _held: held, _not_send, _value: PhantomData }
    }
}

impl<U: ?Sized> Deref for MappedMutexGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: the lock is held for as long as the guard lives.
        unsafe { self.value.as_ref() }
    }
}

impl<U: ?Sized> DerefMut for MappedMutexGuard<'_, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: the lock is held for as long as the guard lives, which is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

/// The lock of a [`Mutex`] as async code has it: it may be kept across an `.await` and move between
/// threads with its task. Released when it is dropped.
///
/// It belongs to the task that has taken it, if that is [tracked](manyhands_wait::tracked): for others
/// who wait, the lock ends if that task goes on. A guard that is given to another task must be
/// [handed over](Self::hand_over), or a wait might be called a deadlock that the other task would
/// have ended.
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct AsyncMutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    held: Held<'a>,
}

// SAFETY: sending the guard is sending exclusive access to the value. The lock itself may be released
// from any thread.
unsafe impl<T: ?Sized + Send> Send for AsyncMutexGuard<'_, T> {}

// SAFETY: a shared guard gives shared access to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for AsyncMutexGuard<'_, T> {}

impl<'a, T: ?Sized> AsyncMutexGuard<'a, T> {
    /// # Safety
    /// `owner` has taken the mutex's lock, and this is the only thing that releases it.
    pub(super) unsafe fn new(mutex: &'a Mutex<T>, owner: Owner) -> AsyncMutexGuard<'a, T> {
        // SAFETY: promised by the caller.
        AsyncMutexGuard { mutex, held: unsafe { Held::new(&mutex.raw, owner) } }
    }

    /// The mutex that is held, to take it again later.
    pub fn mutex(guard: &AsyncMutexGuard<'a, T>) -> &'a Mutex<T> {
        guard.mutex
    }

    /// Makes the guard nobody's, so that it may be given to another task or thread: a wait for the
    /// lock counts as one that may end from now on.
    pub fn hand_over(mut guard: AsyncMutexGuard<'a, T>) -> AsyncMutexGuard<'a, T> {
        if guard.held.owner != Owner::ANONYMOUS {
            guard.held.raw.note_released(guard.held.owner);
            guard.held.raw.make_anonymous(guard.held.owner);
            guard.held.owner = Owner::ANONYMOUS;
        }
        guard
    }
}

impl<T: ?Sized> Drop for AsyncMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.held.raw.check_owner(self.held.owner);
    }
}

impl<T: ?Sized> Deref for AsyncMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held, and exclusive access needs the guard exclusively.
        self.mutex.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for AsyncMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and the guard is borrowed exclusively.
        self.mutex.value.with_mut(|value| unsafe { &mut *value })
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

show_what_is_guarded!(MutexGuard MappedMutexGuard AsyncMutexGuard);
