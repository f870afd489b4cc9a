//! The shared values that this process has, so that one which is received again is the same.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::{Inner, Shareable};
use crate::memory::MemoryError;

/// Which memory, and as what it is understood. The numbers are the operating system's: they belong
/// to one memory for as long as anybody has it, and no sender can choose them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    device: u64,
    inode: u64,
    of: TypeId,
}

type Known = HashMap<Key, Weak<dyn Any + Send + Sync>>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key<T: ?Sized + 'static>(fd: &OwnedFd) -> Result<Key, MemoryError> {
    let stat = rustix::fs::fstat(fd)
        .map_err(|error| MemoryError::system("asking which shared memory this is", error))?;
    Ok(Key { device: stat.st_dev, inode: stat.st_ino, of: TypeId::of::<T>() })
}

/// The value in this memory, if the process has it.
pub(super) fn find<T: Shareable + ?Sized>(
    fd: &OwnedFd,
) -> Result<Option<Arc<Inner<T>>>, MemoryError> {
    let key = key::<T>(fd)?;
    let found = known().get(&key).and_then(Weak::upgrade);
    Ok(found.and_then(|value| value.downcast().ok()))
}

/// Makes the value known; returns the one that is known already, if somebody was faster.
pub(super) fn adopt<T: Shareable + ?Sized>(value: Inner<T>) -> Result<Arc<Inner<T>>, MemoryError> {
    let key = key::<T>(&value.fd)?;
    let value = Arc::new(value);
    let mut known = known();
    if let Some(faster) = known.get(&key).and_then(Weak::upgrade).and_then(|it| it.downcast().ok())
    {
        drop(known);
        return Ok(faster);
    }
    let weak = Arc::downgrade(&value) as Weak<dyn Any + Send + Sync>;
    known.insert(key, weak);
    Ok(value)
}

impl<T: Shareable + ?Sized> Drop for Inner<T> {
    fn drop(&mut self) {
        if let Ok(key) = key::<T>(&self.fd) {
            let mut known = known();
            // Not the entry of one that came after it.
            if known.get(&key).is_some_and(|value| value.strong_count() == 0) {
                known.remove(&key);
            }
        }
    }
}

/// How many values are known.
#[cfg(test)]
pub(super) fn is_known<T: ?Sized + 'static>(fd: &OwnedFd) -> bool {
    known().contains_key(&key::<T>(fd).expect("a memory file has a number"))
}
