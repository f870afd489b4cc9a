//! The one switch between std's synchronisation primitives and loom's models of them.
//!
//! `RUSTFLAGS="--cfg manyhands_loom"` turns it, for the state machine of a task and those who wait.

#[cfg(not(manyhands_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, Ordering},
};

#[cfg(manyhands_loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
};

/// std's `UnsafeCell` with loom's interface.
#[cfg(not(manyhands_loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(manyhands_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> UnsafeCell<T> {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Declares thread-locals with constant initial values. Reached by `with` only, which is what
/// loom's have; loom's threads share one thread of the operating system.
#[cfg(not(manyhands_loom))]
macro_rules! local {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)+) => {
        std::thread_local! { $($(#[$doc])* static $name: $type = const { $value };)+ }
    };
}

#[cfg(manyhands_loom)]
macro_rules! local {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)+) => {
        loom::thread_local! { $($(#[$doc])* static $name: $type = $value;)+ }
    };
}

pub(crate) use local;

/// Locks `mutex`, going on with the data of a poisoned one: nothing foreign runs under our locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
