//! parking_lot, without its search for deadlocks.

use parking_lot::{Mutex, ReentrantMutex, RwLock};
use std::cell::Cell;

use super::{is_lock, is_nested_lock, is_shared_lock};

pub(crate) const MUTEX: &str = "parking_lot Mutex";
pub(crate) const RWLOCK: &str = "parking_lot RwLock";
pub(crate) const REENTRANT: &str = "parking_lot ReentrantMutex";

is_lock!(Mutex<u64>, lock => lock.lock());
is_shared_lock!(RwLock<u64>, lock => RwLock::read(lock));
is_nested_lock!(ReentrantMutex<Cell<u64>>);
