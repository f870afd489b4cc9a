//! async-lock, used by threads.

use async_lock::{Mutex, RwLock};

use super::{Lock, SharedLock};

pub(crate) const MUTEX: &str = "async-lock Mutex";
pub(crate) const RWLOCK: &str = "async-lock RwLock";

impl Lock for Mutex<u64> {
    fn new() -> Self {
        Mutex::new(0)
    }

    fn add_one(&self) {
        *self.lock_blocking() += 1;
    }

    fn total(self) -> u64 {
        self.into_inner()
    }
}

impl SharedLock for RwLock<u64> {
    fn new(number: u64) -> Self {
        RwLock::new(number)
    }

    fn read(&self) -> u64 {
        *self.read_blocking()
    }
}
