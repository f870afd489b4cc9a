//! Buffers that payloads are copied into, used again while their pages are there.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much is kept for later, in bytes.
const KEPT_MAX_BYTES: usize = 256 * 1024 * 1024;
/// The shortest buffer that is worth keeping, in bytes: shorter ones the allocator keeps itself.
const KEPT_MIN_BYTES: usize = 128 * 1024;

/// Buffers that nobody uses at the moment. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Kept>>>);

struct Kept {
    buffer: Vec<u8>,
    since: Instant,
}

impl Buffers {
    pub(crate) fn new() -> Buffers {
        Buffers::default()
    }

    /// An empty buffer that has room for `length` bytes if one of those kept has; otherwise without
    /// room.
    pub(super) fn take(&self, length: usize) -> Vec<u8> {
        let mut kept = self.lock();
        let best = kept
            .iter()
            .enumerate()
            // A much longer one would be held by little.
            .filter(|(_, kept)| {
                (length..=length.saturating_mul(4)).contains(&kept.buffer.capacity())
            })
            .min_by_key(|(_, kept)| kept.buffer.capacity())
            .map(|(index, _)| index);
        best.map_or_else(Vec::new, |index| kept.swap_remove(index).buffer)
    }

    /// The buffer as `Bytes`; it comes back here when the last of them is dropped.
    pub(super) fn lend(&self, buffer: Vec<u8>) -> bytes::Bytes {
        if buffer.capacity() < KEPT_MIN_BYTES {
            return bytes::Bytes::from(buffer);
        }
        bytes::Bytes::from_owner(Lent { buffer, home: self.clone() })
    }

    /// Gives back the memory of buffers that nobody has used for `idle`.
    pub(crate) fn trim(&self, idle: Duration) {
        let now = Instant::now();
        let is_old = |kept: &mut Kept| now.saturating_duration_since(kept.since) >= idle;
        // Freed after the lock is: large ones take a while.
        let _freed: Vec<Kept> = self.lock().extract_if(.., is_old).collect();
    }

    /// How much is kept, in bytes.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.lock().iter().map(|kept| kept.buffer.capacity()).sum()
    }

    fn keep(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut kept = self.lock();
        let bytes: usize = kept.iter().map(|kept| kept.buffer.capacity()).sum();
        if bytes.saturating_add(buffer.capacity()) <= KEPT_MAX_BYTES {
            kept.push(Kept { buffer, since: Instant::now() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers").field("kept_bytes", &self.kept_bytes()).finish()
    }
}

struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.keep(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_bytes_are_dropped() {
        let buffers = Buffers::new();
        let bytes = buffers.lend(vec![1; KEPT_MIN_BYTES]);
        let (address, part) = (bytes.as_ptr(), bytes.slice(3..4));
        drop(bytes);
        assert_eq!(buffers.kept_bytes(), 0, "a part of it is still there");
        drop(part);
        assert_eq!(buffers.kept_bytes(), KEPT_MIN_BYTES);
        assert_eq!(buffers.take(KEPT_MIN_BYTES + 1).capacity(), 0, "too short");
        assert_eq!(buffers.take(10).capacity(), 0, "too long");
        let again = buffers.take(KEPT_MIN_BYTES / 2);
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
    }

    #[test]
    fn what_is_kept_has_a_bound_and_is_given_back() {
        let buffers = Buffers::new();
        let mut all = Vec::new();
        for _ in 0..5 {
            all.push(buffers.lend(Vec::with_capacity(KEPT_MAX_BYTES / 4)));
        }
        drop(all);
        assert_eq!(buffers.kept_bytes(), KEPT_MAX_BYTES / 4 * 4);
        buffers.trim(Duration::from_secs(3600));
        assert_ne!(buffers.kept_bytes(), 0);
        buffers.trim(Duration::ZERO);
        assert_eq!(buffers.kept_bytes(), 0);
    }
}
