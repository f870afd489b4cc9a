//! The one switch between std's synchronisation primitives and loom's models of them.
//!
//! `RUSTFLAGS="--cfg manyhands_loom"` turns it. Only what the models exercise goes through here;
//! process-global tables keep std's types, because loom's have no `const` constructors.

#[cfg(not(manyhands_loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

#[cfg(manyhands_loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

/// Locks `mutex`, going on with the data of a poisoned one.
///
/// No critical section of this crate runs foreign code that could panic half-way, except wakers'
/// `clone`; the data is consistent even then.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
