//! A lane: memory through which one process puts items into a queue of another without asking.
//!
//! One side writes, the other reads; in between are words, and positions that count words and only grow.
//! An item is its length in bytes, when it was put, and its encoding. The owner can close a lane at any
//! moment: the bit is in the word by which items are published, so that each item was put before that,
//! and is read, or is not put at all.
//!
//! The owner believes nothing that it reads. What a producer has published stays when it dies.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::memory::mapping::Mapping;
use crate::memory::{MemoryError, attachments, memfd};

/// Room for items, in words; a power of two.
const WORDS: u64 = 8 * 1024;
/// Where the words begin, in bytes.
const DATA: usize = 4096;
const BYTES: usize = DATA + WORDS as usize * 8;
/// Where the producer's position is, in bytes, in a line of the cache of its own like the others.
const TAIL: usize = 0;
/// Where the owner's position is.
const HEAD: usize = 128;
/// Where the owner says that it wants to be told of the next item.
const BELL: usize = 256;

/// In the producer's position: nothing more is taken.
const CLOSED: u64 = 1 << 63;
/// An item's length and time.
const HEADER: u64 = 2;

/// The longest item that goes through a lane, in bytes.
const ITEM_MAX: usize = WORDS as usize * 2;

struct Memory(Mapping);

impl Memory {
    fn word(&self, offset: usize) -> &AtomicU64 {
        self.0.atomic(offset).expect("the memory was found to be long enough when it was mapped")
    }

    fn data(&self, position: u64) -> &AtomicU64 {
        self.word(DATA + (position & (WORDS - 1)) as usize * 8)
    }
}

/// The memory on its way to the producer.
pub(super) struct Grant(Arc<OwnedFd>);

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = attachments::attach(&self.0)
            .ok_or_else(|| ser::Error::custom(attachments::NOT_TRAVELLING))?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        let missing = || de::Error::custom("the memory of a queue did not come with it");
        attachments::descriptor(number).map(Grant).ok_or_else(missing)
    }
}

/// The owner's end.
pub(super) struct LaneIn {
    memory: Memory,
    head: u64,
}

/// A producer wrote what cannot be.
#[derive(Debug)]
pub(super) struct Violation;

impl LaneIn {
    /// Makes a lane, and what the producer needs.
    pub(super) fn create() -> Result<(LaneIn, Grant), MemoryError> {
        let fd = memfd::create_fixed("manyhands-queue", BYTES)?;
        memfd::allocate(&fd, BYTES)?;
        let memory = Memory(Mapping::map(&fd, BYTES)?);
        Ok((LaneIn { memory, head: 0 }, Grant(Arc::new(fd))))
    }

    /// How many words of items are there.
    pub(super) fn available(&self) -> Result<u64, Violation> {
        let tail = self.memory.word(TAIL).load(Ordering::Acquire) & !CLOSED;
        let available = tail.wrapping_sub(self.head);
        if available > WORDS { Err(Violation) } else { Ok(available) }
    }

    /// When the next item was put, if there is one.
    pub(super) fn next_put(&self) -> Result<Option<u64>, Violation> {
        match self.available()? {
            0 => Ok(None),
            available if available < HEADER => Err(Violation),
            _ => Ok(Some(self.memory.data(self.head + 1).load(Ordering::Relaxed))),
        }
    }

    /// Replaces what is in `item` by the next one; returns how many words it took, zero if there is none.
    pub(super) fn read(&mut self, item: &mut Vec<u8>) -> Result<u64, Violation> {
        let available = self.available()?;
        if available == 0 {
            return Ok(0);
        }
        let length = self.memory.data(self.head).load(Ordering::Relaxed);
        let length = usize::try_from(length).map_err(|_| Violation)?;
        let words = HEADER + length.div_ceil(8) as u64;
        if length > ITEM_MAX || words > available {
            return Err(Violation);
        }
        item.clear();
        item.reserve(words as usize * 8);
        for position in self.head + HEADER..self.head + words {
            let word = self.memory.data(position).load(Ordering::Relaxed);
            item.extend_from_slice(&word.to_le_bytes());
        }
        item.truncate(length);
        self.head += words;
        self.memory.word(HEAD).store(self.head, Ordering::Release);
        Ok(words)
    }

    /// Asks to be told of the next item. What was put before is seen by a look that comes after this.
    pub(super) fn want_bell(&self) {
        self.memory.word(BELL).store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Takes no more items. Those that were put before are still there to be read.
    pub(super) fn close(&self) {
        self.memory.word(TAIL).fetch_or(CLOSED, Ordering::AcqRel);
    }
}

impl Drop for LaneIn {
    fn drop(&mut self) {
        self.close();
    }
}

/// The producer's end.
pub(super) struct LaneOut {
    memory: Memory,
    tail: u64,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It is in the queue.
    Done {
        /// Whether the owner waits to be told.
        bell: bool,
    },
    /// There is no room for it now, or it is too long at all times.
    NoRoom,
    /// Nothing goes through this lane any more.
    Closed,
}

impl LaneOut {
    /// # Errors
    /// If the memory is not what it should be, or cannot be mapped.
    pub(super) fn open(grant: &Grant) -> Result<LaneOut, MemoryError> {
        let length = memfd::check(grant.0.as_fd(), memfd::FIXED)?;
        if length != BYTES {
            return Err(MemoryError::refused(format!("a queue's memory of {length} bytes")));
        }
        let memory = Memory(Mapping::map(&grant.0, BYTES)?);
        Ok(LaneOut { memory, tail: 0 })
    }

    /// Puts an item, encoded like this, at this time.
    pub(super) fn put(&mut self, item: &[u8], now: u64) -> Put {
        let words = HEADER + item.len().div_ceil(8) as u64;
        let head = self.memory.word(HEAD).load(Ordering::Acquire);
        if item.len() > ITEM_MAX || self.tail.wrapping_sub(head) > WORDS - words {
            return Put::NoRoom;
        }
        self.memory.data(self.tail).store(item.len() as u64, Ordering::Relaxed);
        self.memory.data(self.tail + 1).store(now, Ordering::Relaxed);
        for (position, bytes) in (self.tail + HEADER..).zip(item.chunks(8)) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.memory.data(position).store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        let (before, after) = (self.tail, self.tail + words);
        let tail = self.memory.word(TAIL);
        if tail.compare_exchange(before, after, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return Put::Closed;
        }
        self.tail = after;
        // With the fence of `want_bell`: the owner sees the item, or this sees that it wants to know.
        fence(Ordering::SeqCst);
        let bell = self.memory.word(BELL);
        let wanted = bell.load(Ordering::Relaxed) != 0 && bell.swap(0, Ordering::AcqRel) != 0;
        Put::Done { bell: wanted }
    }

    /// Whether the owner takes nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.memory.word(TAIL).load(Ordering::Relaxed) & CLOSED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> (LaneIn, LaneOut) {
        let (owner, grant) = LaneIn::create().unwrap();
        (owner, LaneOut::open(&grant).unwrap())
    }

    #[test]
    fn items_come_out_as_they_went_in_round_and_round() {
        let (mut owner, mut producer) = lane();
        let mut item = Vec::new();
        for round in 0..5000_usize {
            let length = round * 7 % 300;
            assert_eq!(
                producer.put(&vec![round as u8; length], round as u64),
                Put::Done { bell: false }
            );
            assert_eq!(owner.next_put().unwrap(), Some(round as u64));
            assert!(owner.read(&mut item).unwrap() > 0);
            assert!(item.len() == length && item.iter().all(|byte| *byte == round as u8));
            assert_eq!(owner.read(&mut item).unwrap(), 0);
        }
    }

    #[test]
    fn what_has_no_room_is_not_put() {
        let (mut owner, mut producer) = lane();
        assert_eq!(producer.put(&[1; ITEM_MAX + 1], 0), Put::NoRoom);
        let mut count = 0;
        while producer.put(&[count as u8; 1000], 0) != Put::NoRoom {
            count += 1;
        }
        assert!((50..70).contains(&count), "{count}");
        let mut item = Vec::new();
        for n in 0..count {
            assert!(owner.read(&mut item).unwrap() > 0);
            assert_eq!(item, [n as u8; 1000]);
        }
        assert_eq!(producer.put(&[1; ITEM_MAX], 0), Put::Done { bell: false });
    }

    #[test]
    fn an_item_is_put_before_the_end_or_not_at_all() {
        for _ in 0..50 {
            let (mut owner, mut producer) = lane();
            let putting = std::thread::spawn(move || {
                let mut count = 0_u64;
                loop {
                    match producer.put(&count.to_le_bytes(), 0) {
                        Put::Done { .. } => count += 1,
                        Put::NoRoom => std::thread::yield_now(),
                        Put::Closed => return (count, producer.is_closed()),
                    }
                }
            });
            let (mut item, mut read) = (Vec::new(), 0);
            while read < 1000 {
                read += u64::from(owner.read(&mut item).unwrap() > 0);
            }
            owner.close();
            while owner.read(&mut item).unwrap() > 0 {
                assert_eq!(item, read.to_le_bytes());
                read += 1;
            }
            assert_eq!(putting.join().unwrap(), (read, true));
        }
    }

    #[test]
    fn the_owner_is_told_once_when_it_wants_to_be() {
        let (owner, mut producer) = lane();
        owner.want_bell();
        assert_eq!(producer.put(b"a", 0), Put::Done { bell: true });
        assert_eq!(producer.put(b"b", 0), Put::Done { bell: false });
        drop(owner);
        assert_eq!(producer.put(b"c", 0), Put::Closed);
    }

    #[test]
    fn nothing_that_a_producer_writes_leads_the_owner_astray() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut item = Vec::new();
        let (mut read, mut refused) = (0, 0);
        for _ in 0..3000 {
            let (mut owner, producer) = lane();
            for _ in 0..20 {
                let near = random() % (2 * WORDS);
                let value = [near, random(), u64::MAX, random() % 40][random() as usize % 4];
                let at = [TAIL, HEAD, BELL, DATA, DATA + 8, DATA + (near as usize % 64) * 8];
                producer.memory.word(at[random() as usize % 6]).store(value, Ordering::Relaxed);
                let looked = owner.next_put().is_ok();
                match owner.read(&mut item) {
                    Ok(_) => read += u32::from(looked),
                    Err(Violation) => refused += 1,
                }
                assert!(item.len() <= ITEM_MAX);
            }
        }
        assert!(read > 100 && refused > 100, "{read} {refused}");
    }
}
