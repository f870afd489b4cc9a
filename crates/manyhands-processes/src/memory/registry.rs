//! What this process has of the memory that it shares with others, so that the same memory received
//! again is the same value: mapped, checked and decoded once.
//!
//! Values are known for as long as somebody has them. A worker has an argument only until its task
//! ends, and will often get the same with the next task; so it [keeps](keep_received) what it
//! received last.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::os::fd::AsFd;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::MemoryError;

/// How many values are kept that nobody uses.
const KEPT_MAX: usize = 64;
/// For how long such a value is kept, if it is not received again meanwhile.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// Which memory, and as what it is understood. The numbers are the operating system's: they belong
/// to one memory for as long as anybody has it, and no sender can choose them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    device: u64,
    inode: u64,
    of: TypeId,
}

impl Key {
    fn of<V: 'static>(fd: impl AsFd) -> Result<Key, MemoryError> {
        let stat = rustix::fs::fstat(fd)
            .map_err(|error| MemoryError::system("asking which shared memory this is", error))?;
        Ok(Key { device: stat.st_dev, inode: stat.st_ino, of: TypeId::of::<V>() })
    }
}

type Value = Arc<dyn Any + Send + Sync>;

#[derive(Default)]
struct Registry {
    known: HashMap<Key, Weak<dyn Any + Send + Sync>>,
    /// Whether what is received is kept.
    keeps: bool,
    kept: Vec<Kept>,
}

struct Kept {
    key: Key,
    since: Instant,
    /// Held, so that it stays.
    _value: Value,
}

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on this process keeps what it receives for a while. Called by workers when they start.
pub(crate) fn keep_received() {
    registry().keeps = true;
}

/// Lets go of what was not received again for `idle`; says whether something is still kept. Called by
/// workers that have nothing to do.
pub(crate) fn trim(idle: Duration) -> bool {
    let mut registry = registry();
    let dropped = registry.take_old(Instant::now(), idle);
    let has_more = !registry.kept.is_empty();
    drop(registry);
    // Outside of the lock: this runs destructors of users.
    drop(dropped);
    has_more
}

/// The value in this memory, if the process has it.
pub(super) fn find<V: Any + Send + Sync>(fd: impl AsFd) -> Result<Option<Arc<V>>, MemoryError> {
    let key = Key::of::<V>(fd)?;
    let mut registry = registry();
    let found = registry.known.get(&key).and_then(Weak::upgrade);
    let dropped = found.as_ref().map(|value| registry.keep(key, value));
    drop(registry);
    drop(dropped);
    Ok(found.and_then(|value| value.downcast().ok()))
}

/// Makes a value that was received known; returns the one that is known already, if somebody was
/// faster.
pub(super) fn adopt<V: Any + Send + Sync>(
    fd: impl AsFd,
    value: Arc<V>,
) -> Result<Arc<V>, MemoryError> {
    if let Some(faster) = insert(&fd, &value)? {
        return Ok(faster);
    }
    let key = Key::of::<V>(fd)?;
    let kept = Arc::clone(&value) as Value;
    let dropped = registry().keep(key, &kept);
    drop(dropped);
    Ok(value)
}

/// Makes a value known that was made here.
pub(super) fn insert<V: Any + Send + Sync>(
    fd: impl AsFd,
    value: &Arc<V>,
) -> Result<Option<Arc<V>>, MemoryError> {
    let key = Key::of::<V>(fd)?;
    let mut registry = registry();
    let faster = registry.known.get(&key).and_then(Weak::upgrade);
    if faster.is_none() {
        registry.known.insert(key, Arc::downgrade(value) as Weak<dyn Any + Send + Sync>);
    }
    drop(registry);
    Ok(faster.and_then(|value| value.downcast().ok()))
}

/// Forgets a value whose last owner drops it; called by its `Drop`.
pub(super) fn forget<V: Any + Send + Sync>(fd: impl AsFd) {
    let Ok(key) = Key::of::<V>(fd) else { return };
    let mut registry = registry();
    // Not the entry of one that came after it.
    if registry.known.get(&key).is_some_and(|value| value.strong_count() == 0) {
        registry.known.remove(&key);
    }
}

impl Registry {
    /// Keeps a value that was received just now. What it returns is to be dropped without the lock.
    fn keep(&mut self, key: Key, value: &Value) -> Vec<Kept> {
        if !self.keeps {
            return Vec::new();
        }
        let now = Instant::now();
        match self.kept.iter_mut().find(|kept| kept.key == key) {
            Some(kept) => kept.since = now,
            None => self.kept.push(Kept { key, since: now, _value: Arc::clone(value) }),
        }
        let mut dropped = self.take_old(now, KEPT_FOR);
        if self.kept.len() > KEPT_MAX {
            let oldest = self.kept.iter().enumerate().min_by_key(|(_, kept)| kept.since);
            if let Some((index, _)) = oldest {
                dropped.push(self.kept.swap_remove(index));
            }
        }
        dropped
    }

    fn take_old(&mut self, now: Instant, idle: Duration) -> Vec<Kept> {
        let is_old = |kept: &mut Kept| now.saturating_duration_since(kept.since) >= idle;
        self.kept.extract_if(.., is_old).collect()
    }
}

/// Whether the value in this memory is known.
#[cfg(test)]
pub(super) fn is_known<V: 'static>(fd: impl AsFd) -> bool {
    let key = Key::of::<V>(fd).expect("memory has a number");
    registry().known.contains_key(&key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::memfd;

    #[test]
    fn what_is_received_is_kept_for_a_while_and_let_go() {
        let fd = memfd::create("test", 1).unwrap();
        let mut registry = Registry { keeps: true, ..Registry::default() };
        let value: Value = Arc::new("received".to_owned());
        let key = Key::of::<String>(&fd).unwrap();
        for _ in 0..3 {
            assert!(registry.keep(key, &value).is_empty());
        }
        assert_eq!(Arc::strong_count(&value), 2);
        assert!(registry.take_old(Instant::now(), KEPT_FOR).is_empty());
        drop(registry.take_old(Instant::now() + KEPT_FOR, KEPT_FOR));
        assert_eq!(Arc::strong_count(&value), 1);
        let mut dropped = 0;
        for n in 0..KEPT_MAX as u64 + 5 {
            dropped += registry.keep(Key { inode: n, ..key }, &value).len();
        }
        assert_eq!((registry.kept.len(), dropped), (KEPT_MAX, 5));
    }
}
