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
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

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
