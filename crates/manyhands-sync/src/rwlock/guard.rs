//! Guards of a read-write lock: who has one holds the lock.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::RwLock;
use super::core::Core;
use super::word::Place;
use crate::owner::Owner;
use crate::poison::WasPanicking;
use crate::primitive::UnsafeCell;

/// The lock is held to read; released when this is dropped.
pub(super) struct Reading<'a> {
    core: &'a Core,
    place: Place,
    owner: Owner,
}

/// The lock is held to write; released when this is dropped.
pub(super) struct Writing<'a> {
    core: &'a Core,
    owner: Owner,
    was_panicking: WasPanicking,
}

impl Drop for Reading<'_> {
    #[inline]
    fn drop(&mut self) {
        self.core.note_released(self.owner);
        self.core.unlock_read(self.place);
    }
}

impl Drop for Writing<'_> {
    #[inline]
    fn drop(&mut self) {
        self.core.note_released(self.owner);
        self.core.poison.note(self.was_panicking);
        self.core.unlock_write();
    }
}

/// The lock of a [`RwLock`] to read; released when it is dropped, unwinding too.
///
/// It belongs to the thread or coroutine that has taken it and cannot be sent to another thread. Coroutines of
/// one thread need no `Send`, so the compiler does not keep it from being given to a sibling. Do not: the
/// wait-for graph takes whoever took the lock for whoever releases it, and a wait for the lock in the one
/// that gave it away would be called a deadlock with itself.
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    value: &'a UnsafeCell<T>,
    held: Reading<'a>,
    /// Whoever takes the lock releases it: what waits for it relies on that.
    _not_send: PhantomData<*const ()>,
}

/// The lock of a [`RwLock`] to write; released when it is dropped, unwinding too.
///
/// It belongs to the thread or coroutine that has taken it and cannot be sent to another thread. Coroutines of
/// one thread need no `Send`, so the compiler does not keep it from being given to a sibling. Do not: the
/// wait-for graph takes whoever took the lock for whoever releases it, and a wait for the lock in the one
/// that gave it away would be called a deadlock with itself.
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    value: &'a UnsafeCell<T>,
    held: Writing<'a>,
    _not_send: PhantomData<*const ()>,
}

/// The lock of a [`RwLock`] to read, as async code has it: it may be kept across an `.await`. Released
/// when it is dropped.
///
/// It belongs to the task that has taken it, if that is [tracked](manyhands_wait::tracked). A guard that
/// is given to another task must be [handed over](Self::hand_over).
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct AsyncRwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    held: Reading<'a>,
}

/// The lock of a [`RwLock`] to write, as async code has it: it may be kept across an `.await`. Released
/// when it is dropped.
///
/// It belongs to the task that has taken it, if that is [tracked](manyhands_wait::tracked). A guard that
/// is given to another task must be [handed over](Self::hand_over).
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct AsyncRwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    held: Writing<'a>,
}

/// A [`RwLockReadGuard`] narrowed to a part of the value, by [`RwLockReadGuard::map`].
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct MappedRwLockReadGuard<'a, U: ?Sized> {
    value: &'a U,
    _held: Reading<'a>,
    _not_send: PhantomData<*const ()>,
}

/// A [`RwLockWriteGuard`] narrowed to a part of the value, by [`RwLockWriteGuard::map`].
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct MappedRwLockWriteGuard<'a, U: ?Sized> {
    value: NonNull<U>,
    _held: Writing<'a>,
    _not_send: PhantomData<*const ()>,
    _value: PhantomData<&'a mut U>,
}

// SAFETY: a shared guard gives shared access to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: the same.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}
// SAFETY: the same.
unsafe impl<T: ?Sized + Sync> Sync for AsyncRwLockReadGuard<'_, T> {}
// SAFETY: the same.
unsafe impl<T: ?Sized + Sync> Sync for AsyncRwLockWriteGuard<'_, T> {}
// SAFETY: the same.
unsafe impl<U: ?Sized + Sync> Sync for MappedRwLockReadGuard<'_, U> {}
// SAFETY: the same.
unsafe impl<U: ?Sized + Sync> Sync for MappedRwLockWriteGuard<'_, U> {}
// SAFETY: sending the guard is sharing the value. The lock itself may be released from any thread.
unsafe impl<T: ?Sized + Sync> Send for AsyncRwLockReadGuard<'_, T> {}
// SAFETY: sending the guard is sending exclusive access to the value. The lock itself may be released
// from any thread.
unsafe impl<T: ?Sized + Send> Send for AsyncRwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// # Safety
    /// The lock was taken to read by `owner`, this place is its own, and this is the only thing that
    /// releases it.
    #[inline]
    pub(super) unsafe fn new(
        value: &'a UnsafeCell<T>,
        core: &'a Core,
        place: Place,
        owner: Owner,
    ) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard { value, held: Reading { core, place, owner }, _not_send: PhantomData }
    }

    /// Narrows the guard to a part of the value; the whole lock stays held.
    pub fn map<U: ?Sized>(
        guard: RwLockReadGuard<'a, T>,
        part: impl FnOnce(&T) -> &U,
    ) -> MappedRwLockReadGuard<'a, U> {
        let RwLockReadGuard { value, held, _not_send } = guard;
        // SAFETY: the lock is held to read, by `held`, which the result keeps.
        let value = part(value.with(|value| unsafe { &*value }));
        MappedRwLockReadGuard { value, _held: held, _not_send }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// # Safety
    /// The lock was taken to write by `owner`, and this is the only thing that releases it.
    #[inline]
    pub(super) unsafe fn new(
        value: &'a UnsafeCell<T>,
        core: &'a Core,
        owner: Owner,
    ) -> RwLockWriteGuard<'a, T> {
        let held = Writing { core, owner, was_panicking: WasPanicking::now() };
        RwLockWriteGuard { value, held, _not_send: PhantomData }
    }

    /// Makes a reader of the writer, without anybody having the lock between. Other readers are let in.
    #[track_caller]
    pub fn downgrade(guard: RwLockWriteGuard<'a, T>) -> RwLockReadGuard<'a, T> {
        let RwLockWriteGuard { value, held, _not_send } = guard;
        let held = held.downgrade();
        RwLockReadGuard { value, held, _not_send }
    }

    /// Narrows the guard to a part of the value; the whole lock stays held.
    pub fn map<U: ?Sized>(
        guard: RwLockWriteGuard<'a, T>,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedRwLockWriteGuard<'a, U> {
        let RwLockWriteGuard { value, held, _not_send } = guard;
        // SAFETY: the lock is held to write, by `held`, and this is the only reference made from it.
        let value = value.with_mut(|value| NonNull::from(part(unsafe { &mut *value })));
        MappedRwLockWriteGuard { value, _held: held, _not_send, _value: PhantomData }
    }
}

impl<'a> Writing<'a> {
    #[track_caller]
    fn downgrade(self) -> Reading<'a> {
        let (core, owner) = (self.core, self.owner);
        core.poison.note(self.was_panicking);
        std::mem::forget(self);
        Reading { core, place: core.downgrade(owner, std::panic::Location::caller()), owner }
    }
}

impl<'a, T: ?Sized> AsyncRwLockReadGuard<'a, T> {
    /// # Safety
    /// The lock was taken to read by `owner`, this place is its own, and this is the only thing that
    /// releases it.
    pub(super) unsafe fn new(
        lock: &'a RwLock<T>,
        place: Place,
        owner: Owner,
    ) -> AsyncRwLockReadGuard<'a, T> {
        AsyncRwLockReadGuard { lock, held: Reading { core: lock.core(), place, owner } }
    }

    /// Makes the guard nobody's, so that it may be given to another task or thread: a wait for the lock
    /// counts as one that may end from now on, as far as this reader is concerned.
    pub fn hand_over(mut guard: AsyncRwLockReadGuard<'a, T>) -> AsyncRwLockReadGuard<'a, T> {
        if let Place::Seat(seat) = guard.held.place {
            guard.held.core.readers.rise(seat.into());
        }
        guard.held.core.note_released(guard.held.owner);
        guard.held.owner = Owner::ANONYMOUS;
        guard
    }
}

impl<'a, T: ?Sized> AsyncRwLockWriteGuard<'a, T> {
    /// # Safety
    /// The lock was taken to write by `owner`, and this is the only thing that releases it.
    pub(super) unsafe fn new(lock: &'a RwLock<T>, owner: Owner) -> AsyncRwLockWriteGuard<'a, T> {
        let held = Writing { core: lock.core(), owner, was_panicking: WasPanicking::now() };
        AsyncRwLockWriteGuard { lock, held }
    }

    /// Makes the guard nobody's, so that it may be given to another task or thread: a wait for the lock
    /// counts as one that may end from now on.
    pub fn hand_over(mut guard: AsyncRwLockWriteGuard<'a, T>) -> AsyncRwLockWriteGuard<'a, T> {
        guard.held.core.note_released(guard.held.owner);
        guard.held.core.forget_writer();
        guard.held.owner = Owner::ANONYMOUS;
        guard
    }
}

impl<T: ?Sized> Drop for AsyncRwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        self.held.core.check_owner(self.held.owner);
    }
}

impl<T: ?Sized> Drop for AsyncRwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.held.core.check_owner(self.held.owner);
    }
}

macro_rules! reads {
    ($($guard:ident: $($field:ident).+,)+) => {$(
        impl<T: ?Sized> Deref for $guard<'_, T> {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the lock is held, and exclusive access needs the guard exclusively.
                self.$($field).+.with(|value| unsafe { &*value })
            }
        }
    )+};
}

reads! {
    RwLockReadGuard: value,
    RwLockWriteGuard: value,
    AsyncRwLockReadGuard: lock.value,
    AsyncRwLockWriteGuard: lock.value,
}

macro_rules! writes {
    ($($guard:ident: $($field:ident).+,)+) => {$(
        impl<T: ?Sized> DerefMut for $guard<'_, T> {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: the lock is held to write, and the guard is borrowed exclusively.
                self.$($field).+.with_mut(|value| unsafe { &mut *value })
            }
        }
    )+};
}

writes! {
    RwLockWriteGuard: value,
    AsyncRwLockWriteGuard: lock.value,
}

impl<U: ?Sized> Deref for MappedRwLockReadGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        self.value
    }
}

impl<U: ?Sized> Deref for MappedRwLockWriteGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: the lock is held to write for as long as the guard lives.
        unsafe { self.value.as_ref() }
    }
}

impl<U: ?Sized> DerefMut for MappedRwLockWriteGuard<'_, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: the lock is held to write for as long as the guard lives, which is borrowed exclusively.
        unsafe { self.value.as_mut() }
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

show_what_is_guarded!(RwLockReadGuard RwLockWriteGuard AsyncRwLockReadGuard AsyncRwLockWriteGuard);
show_what_is_guarded!(MappedRwLockReadGuard MappedRwLockWriteGuard);
