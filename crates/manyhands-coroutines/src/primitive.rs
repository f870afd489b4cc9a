//! The one switch between std's synchronisation primitives and loom's models of them, for the
//! protocol between a hub and the threads that wake its coroutines.
//!
//! `RUSTFLAGS="--cfg manyhands_loom"` turns it.

#[cfg(not(manyhands_loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering},
};

#[cfg(manyhands_loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering},
};

/// Locks `mutex`, going on with the data of a poisoned one: nothing foreign runs under our locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
