//! A ring of frames from one side to the other, one producer and one consumer.
//!
//! A frame is a few header words and a payload of bytes, rounded up to whole words. Positions count
//! words and only grow. Each side keeps its own position to itself and publishes it; what it reads of
//! the other's is checked, because the other side may be a process that has lost its mind.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::region::Region;

/// One ring in the memory.
pub(super) struct Ring {
    region: Arc<Region>,
    first: usize,
    capacity: usize,
    head: usize,
    tail: usize,
}

impl Ring {
    pub(super) fn new(
        region: Arc<Region>,
        first: usize,
        capacity: usize,
        head: usize,
        tail: usize,
    ) -> Ring {
        debug_assert!(capacity.is_power_of_two());
        Ring { region, first, capacity, head, tail }
    }

    fn words(&self) -> &[AtomicU64] {
        &self.region.words()[self.first..self.first + self.capacity]
    }

    fn head(&self) -> &AtomicU64 {
        &self.region.words()[self.head]
    }

    fn tail(&self) -> &AtomicU64 {
        &self.region.words()[self.tail]
    }

    fn index(&self, position: u64) -> usize {
        (position as usize) & (self.capacity - 1)
    }

    /// How much lies between two positions, if that can be.
    fn between(&self, head: u64, tail: u64) -> Result<usize, Violation> {
        let distance = tail.wrapping_sub(head);
        if distance > self.capacity as u64 {
            return Err(Violation("a position in a ring is out of bounds"));
        }
        Ok(distance as usize)
    }
}

/// The other side wrote something that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The writing end.
pub(crate) struct Producer {
    ring: Ring,
    tail: u64,
    /// The consumer's position when it was last looked at.
    head_seen: u64,
}

impl Producer {
    pub(super) fn new(ring: Ring) -> Producer {
        let tail = ring.tail().load(Ordering::Relaxed);
        let head_seen = ring.head().load(Ordering::Acquire);
        Producer { ring, tail, head_seen }
    }

    /// Writes a frame if there is room for it, without telling the consumer. The first header word
    /// is completed with the payload's length.
    pub(crate) fn write(&mut self, header: &[u64], payload: &[u8]) -> Result<bool, Violation> {
        let needed = header.len() + payload.len().div_ceil(8);
        if !self.has_room(needed)? {
            return Ok(false);
        }
        let words = self.ring.words();
        let mut position = self.tail;
        let mut put = |word: u64| {
            words[self.ring.index(position)].store(word, Ordering::Relaxed);
            position = position.wrapping_add(1);
        };
        header.iter().for_each(|word| put(*word));
        let (whole, rest) = payload.as_chunks::<8>();
        whole.iter().for_each(|bytes| put(u64::from_le_bytes(*bytes)));
        if !rest.is_empty() {
            let mut bytes = [0; 8];
            bytes[..rest.len()].copy_from_slice(rest);
            put(u64::from_le_bytes(bytes));
        }
        self.tail = position;
        Ok(true)
    }

    /// Whether a frame of so many words would fit now.
    pub(crate) fn has_room(&mut self, words: usize) -> Result<bool, Violation> {
        if self.ring.between(self.head_seen, self.tail)? + words <= self.ring.capacity {
            return Ok(true);
        }
        let head = self.ring.head().load(Ordering::Acquire);
        self.ring.between(head, self.tail)?;
        self.head_seen = head;
        Ok(self.ring.between(head, self.tail)? + words <= self.ring.capacity)
    }

    /// Makes what was written visible to the consumer.
    pub(crate) fn publish(&self) {
        self.ring.tail().store(self.tail, Ordering::Release);
    }
}

/// The reading end.
pub(crate) struct Consumer {
    ring: Ring,
    head: u64,
    /// The producer's position when it was last looked at.
    tail_seen: u64,
}

impl Consumer {
    pub(super) fn new(ring: Ring) -> Consumer {
        let head = ring.head().load(Ordering::Relaxed);
        Consumer { ring, head, tail_seen: head }
    }

    /// Whether there is something to read. Cheap: asked while spinning.
    pub(crate) fn has_frames(&self) -> bool {
        self.tail_seen != self.head || self.ring.tail().load(Ordering::Acquire) != self.head
    }

    /// Reads a frame, if there is one, into `header` and to the end of `payload`. `length_of` says
    /// from the first word how long the payload is. The room is given back to the producer.
    pub(crate) fn read(
        &mut self,
        header: &mut [u64],
        payload: &mut Vec<u8>,
        length_of: impl FnOnce(u64) -> Result<usize, Violation>,
    ) -> Result<bool, Violation> {
        if self.tail_seen == self.head {
            let tail = self.ring.tail().load(Ordering::Acquire);
            self.ring.between(self.head, tail)?;
            self.tail_seen = tail;
            if tail == self.head {
                return Ok(false);
            }
        }
        let available = self.ring.between(self.head, self.tail_seen)?;
        if available < header.len() {
            return Err(Violation("a frame is shorter than its header"));
        }
        let words = self.ring.words();
        let mut position = self.head;
        let mut take = || {
            let word = words[self.ring.index(position)].load(Ordering::Relaxed);
            position = position.wrapping_add(1);
            word
        };
        header.iter_mut().for_each(|word| *word = take());
        let length = length_of(header[0])?;
        if available < header.len() + length.div_ceil(8) {
            return Err(Violation("a frame is longer than what was written"));
        }
        payload.reserve(length);
        for _ in 0..length / 8 {
            payload.extend_from_slice(&take().to_le_bytes());
        }
        if !length.is_multiple_of(8) {
            payload.extend_from_slice(&take().to_le_bytes()[..length % 8]);
        }
        self.head = position;
        self.ring.head().store(position, Ordering::Release);
        Ok(true)
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
