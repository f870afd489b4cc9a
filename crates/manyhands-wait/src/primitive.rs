//! The one switch between std's synchronisation primitives and loom's models of them.
//!
//! `RUSTFLAGS="--cfg manyhands_loom"` turns it. Only what the models exercise goes through here;
//! process-global tables keep std's types, because loom's have no `const` constructors.
//! Thread-locals are part of it ([`local`]): loom's threads share one thread of the operating
//! system.

#[cfg(not(manyhands_loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
};

#[cfg(manyhands_loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
};

#[cfg(manyhands_loom)]
pub(crate) use loom::thread::yield_now;
#[cfg(not(manyhands_loom))]
pub(crate) use std::thread::yield_now;

/// Declares thread-locals with constant initial values. Reached by `with` and `try_with` only,
/// which is what loom's have.
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

/// Declares a static whose value loom makes anew for each execution.
#[cfg(not(manyhands_loom))]
macro_rules! global {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)+) => {
        $($(#[$doc])* static $name: $type = $value;)+
    };
}

#[cfg(manyhands_loom)]
macro_rules! global {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)+) => {
        loom::lazy_static! { $($(#[$doc])* static ref $name: $type = $value;)+ }
    };
}

pub(crate) use global;

/// Declares thread-locals that are made when they are first used.
#[cfg(manyhands_loom)]
pub(crate) use loom::thread_local as lazy_local;
#[cfg(not(manyhands_loom))]
pub(crate) use std::thread_local as lazy_local;

/// Locks `mutex`, going on with the data of a poisoned one.
///
/// No critical section of this crate runs foreign code that could panic half-way, except wakers'
/// `clone`; the data is consistent even then.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
