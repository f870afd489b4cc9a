//! Classes of locks: those of one name, or those that are made at one place.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Lock;

/// So many classes are told apart; locks of further ones are not looked at.
const CLASSES_MAX: usize = 1 << 16;
/// In the cell of a lock that was one too many.
const NONE: u32 = u32::MAX;

/// The number of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClassId(NonZeroU32);

impl ClassId {
    pub(super) fn number(self) -> u32 {
        self.0.get()
    }

    /// Counted from 0.
    pub(super) fn index(self) -> usize {
        self.number() as usize - 1
    }
}

/// Where a lock keeps the number of its class, once it is known. Not part of any protocol.
pub(crate) struct ClassCell(AtomicU32);

impl ClassCell {
    pub(crate) const fn new() -> ClassCell {
        ClassCell(AtomicU32::new(0))
    }

    /// The class of the lock, to which the cell belongs; `None` if there are too many.
    pub(super) fn get(&self, lock: &Lock<'_>) -> Option<ClassId> {
        let number = match self.0.load(Ordering::Relaxed) {
            0 => {
                let number = number_of(Key::of(lock));
                self.0.store(number, Ordering::Relaxed);
                number
            }
            known => known,
        };
        NonZeroU32::new(number).filter(|number| number.get() != NONE).map(ClassId)
    }
}

/// What the locks of a class have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Named(&'static str, Arc<str>),
    MadeAt(&'static str, &'static Location<'static>),
}

impl Key {
    fn of(lock: &Lock<'_>) -> Key {
        match lock.name {
            Some(name) => Key::Named(lock.kind, name.into()),
            None => Key::MadeAt(lock.kind, lock.made_at),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Named(kind, name) => write!(f, "{kind} '{name}'"),
            Key::MadeAt(kind, place) => write!(f, "{kind} made at {place}"),
        }
    }
}

struct Classes {
    numbers: HashMap<Key, u32>,
    keys: Vec<Key>,
}

static CLASSES: Mutex<Option<Classes>> = Mutex::new(None);

fn number_of(key: Key) -> u32 {
    let mut classes = lock();
    let Classes { numbers, keys } =
        classes.get_or_insert_with(|| Classes { numbers: HashMap::new(), keys: Vec::new() });
    if let Some(&known) = numbers.get(&key) {
        return known;
    }
    if keys.len() == CLASSES_MAX {
        return NONE;
    }
    keys.push(key.clone());
    let number = keys.len() as u32;
    numbers.insert(key, number);
    number
}

/// The class of this index.
pub(super) fn key(index: usize) -> Option<Key> {
    lock().as_ref()?.keys.get(index).cloned()
}

fn lock() -> MutexGuard<'static, Option<Classes>> {
    CLASSES.lock().unwrap_or_else(PoisonError::into_inner)
}
