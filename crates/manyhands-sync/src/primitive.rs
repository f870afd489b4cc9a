//! The one switch between std's synchronisation primitives and loom's models of them.
//!
//! `RUSTFLAGS="--cfg manyhands_loom"` turns it. Everything that a model explores is imported from
//! here.

#[cfg(not(manyhands_loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

#[cfg(manyhands_loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// Passes the time until somebody is done who has a few instructions to do. `round` counts from 0.
#[cfg(not(manyhands_loom))]
pub(crate) fn spin(round: u32) {
    /// Rounds of the pause instruction, each twice as long as the one before: 2 µs in all.
    const PAUSES: u32 = 7;
    /// Rounds of giving the core away.
    const YIELDS: u32 = 100;
    /// How long to sleep then, time and again: whoever is waited for needs a core, which giving ours
    /// away does not get it if we are of a higher priority.
    const NAP: std::time::Duration = std::time::Duration::from_micros(50);
    match round {
        0..PAUSES => (0..1 << round).for_each(|_| std::hint::spin_loop()),
        PAUSES..YIELDS => std::thread::yield_now(),
        _ => std::thread::sleep(NAP),
    }
}

/// In models it is the others' turn.
#[cfg(manyhands_loom)]
pub(crate) fn spin(_round: u32) {
    loom::thread::yield_now();
}

/// std's `UnsafeCell` with loom's interface.
#[cfg(not(manyhands_loom))]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

#[cfg(not(manyhands_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> UnsafeCell<T> {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

#[cfg(not(manyhands_loom))]
impl<T: ?Sized> UnsafeCell<T> {
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Declares functions that are `const`, except under loom, whose primitives have no `const`
/// constructors.
#[cfg(not(manyhands_loom))]
macro_rules! const_unless_loom {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?)
        -> $result:ty $body:block)+) => {
        $($(#[$attribute])* $visibility const fn $name($($argument: $type),*) -> $result $body)+
    };
}

#[cfg(manyhands_loom)]
macro_rules! const_unless_loom {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?)
        -> $result:ty $body:block)+) => {
        $($(#[$attribute])* $visibility fn $name($($argument: $type),*) -> $result $body)+
    };
}

pub(crate) use const_unless_loom;
