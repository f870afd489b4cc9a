//! async-lock, used by threads.

use async_lock::{Mutex, RwLock};

use super::{is_lock, is_shared_lock};

pub(crate) const MUTEX: &str = "async-lock Mutex";
pub(crate) const RWLOCK: &str = "async-lock RwLock";

is_lock!(Mutex<u64>, lock => lock.lock_blocking());
is_shared_lock!(RwLock<u64>, lock => lock.read_blocking());
