//! parking_lot, without its search for deadlocks.

use parking_lot::{Mutex, ReentrantMutex, RwLock};
use std::cell::Cell;

use super::{Lock, NestedLock, SharedLock};

pub(crate) const MUTEX: &str = "parking_lot Mutex";
pub(crate) const RWLOCK: &str = "parking_lot RwLock";
pub(crate) const REENTRANT: &str = "parking_lot ReentrantMutex";

impl Lock for Mutex<u64> {
    fn new() -> Self {
        Mutex::new(0)
    }

    fn add_one(&self) {
        *self.lock() += 1;
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
        *RwLock::read(self)
    }
}

impl NestedLock for ReentrantMutex<Cell<u64>> {
    fn new() -> Self {
        ReentrantMutex::new(Cell::new(0))
    }

    fn add_one_within(&self) {
        let _outer = self.lock();
        let inner = self.lock();
        inner.set(inner.get() + 1);
    }

    fn total(self) -> u64 {
        self.into_inner().get()
    }
}
