//! The table of all contexts' places: it only grows, and a place is found by its number without a lock.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::agent::INDEX_BITS;
use crate::primitive::global;
use crate::slot::Slot;

/// How many slots the first chunk has; each further one has twice as many.
const FIRST_CHUNK: usize = 64;
/// As many as the bits of a slot's number allow.
const CHUNKS: usize = INDEX_BITS as usize - FIRST_CHUNK.trailing_zeros() as usize;

struct Table {
    /// Where the chunks begin; null before they are needed.
    chunks: [AtomicPtr<Slot>; CHUNKS],
    /// How many slots there are.
    count: AtomicU32,
    /// Those that nobody uses.
    free: Mutex<Vec<&'static Slot>>,
}

global! {
    static TABLE: Table = Table {
        chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
        count: AtomicU32::new(0),
        free: Mutex::new(Vec::new()),
    };
}

/// The slot of this number, if there is one.
pub(crate) fn find(index: u32) -> Option<&'static Slot> {
    let (chunk, _, within) = locate(index);
    let first = TABLE.chunks.get(chunk)?.load(Ordering::Acquire);
    if first.is_null() {
        return None;
    }
    // SAFETY: a chunk is as large as `locate` says, is made before its pointer can be seen, and is
    // never freed.
    Some(unsafe { &*first.add(within) })
}

/// Every slot that was ever used.
pub(crate) fn all() -> impl Iterator<Item = &'static Slot> {
    (0..TABLE.count.load(Ordering::Acquire)).filter_map(find)
}

/// A slot that nobody uses.
pub(crate) fn take() -> &'static Slot {
    let mut free = free();
    if let Some(slot) = free.pop() {
        return slot;
    }
    // Under the lock: one chunk after the other.
    let index = TABLE.count.load(Ordering::Relaxed);
    let (chunk, size, _) = locate(index);
    let place = TABLE.chunks.get(chunk).expect("memory ends before 67 million contexts do");
    if place.load(Ordering::Relaxed).is_null() {
        let slots: Box<[Slot]> = (index..).take(size).map(Slot::new).collect();
        place.store(Box::leak(slots).as_mut_ptr(), Ordering::Release);
    }
    TABLE.count.store(index + 1, Ordering::Release);
    find(index).expect("the chunk was made above")
}

/// Says that a slot, whose occupant has ended, may be another's.
pub(crate) fn give_back(slot: &'static Slot) {
    // A model has slots enough, and its statics are gone before the last of its threads.
    if cfg!(not(manyhands_loom)) && slot.has_agents_left() {
        free().push(slot);
    }
}

/// The number of the chunk of slot `index`, how many slots that has, and which of them it is.
fn locate(index: u32) -> (usize, usize, usize) {
    let from_first = index as usize + FIRST_CHUNK;
    let chunk = (from_first / FIRST_CHUNK).ilog2() as usize;
    let size = FIRST_CHUNK << chunk;
    (chunk, size, from_first - size)
}

fn free() -> MutexGuard<'static, Vec<&'static Slot>> {
    TABLE.free.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_place() {
        let mut expected = (0, FIRST_CHUNK, 0);
        for index in 0..10_000 {
            assert_eq!(locate(index), expected);
            expected.2 += 1;
            if expected.2 == expected.1 {
                expected = (expected.0 + 1, 2 * expected.1, 0);
            }
        }
        let (chunk, size, within) = locate((1 << INDEX_BITS) - 1 - FIRST_CHUNK as u32);
        assert_eq!((chunk, within), (CHUNKS - 1, size - 1));
    }
}
