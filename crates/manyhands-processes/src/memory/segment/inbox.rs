//! The receiver's side of segments.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::{ALIGNMENT, Buffers, FREE, Layout, Parcel, RETIRED};
use crate::memory::mapping::{Mapping, View};
use crate::memory::{MemoryError, memfd};

/// How many segments of one peer are kept.
const SEGMENTS_MAX: usize = 1024;

/// The segments that one peer has sent the descriptors of.
#[derive(Debug)]
pub(crate) struct Inbox {
    reading: Reading,
    segments: HashMap<u32, Arc<Received>>,
}

#[derive(Debug, Clone)]
enum Reading {
    InPlace,
    Copied { buffers: Buffers, bytes_max: usize },
}

#[derive(Debug)]
struct Received {
    fd: OwnedFd,
    header: Mapping,
    /// Mapped when it is first read in place.
    view: OnceLock<View>,
    capacity: usize,
}

impl Received {
    fn state(&self) -> &AtomicU64 {
        self.header.atomic(0).expect("a page has a first word")
    }

    /// Gives the segment back to its sender, if it is still in this lease.
    fn release(&self, lease: u64) {
        let _no_longer =
            self.state().compare_exchange(lease, FREE, Ordering::AcqRel, Ordering::Relaxed);
    }
}

impl Inbox {
    /// What the peer sends is read where it is.
    ///
    /// # Safety
    /// The peer keeps to the protocol: it does not write into a segment before its lease has ended.
    /// So it is the process that has started this one, which is the same program, and not one that
    /// was started from here, of which anything may have become.
    pub(crate) unsafe fn in_place() -> Inbox {
        Inbox { reading: Reading::InPlace, segments: HashMap::new() }
    }

    /// What the peer sends is copied out, so that nothing it does can change it any more. Of a
    /// parcel that is longer than `bytes_max` nothing is taken.
    pub(crate) fn copying(buffers: Buffers, bytes_max: usize) -> Inbox {
        Inbox { reading: Reading::Copied { buffers, bytes_max }, segments: HashMap::new() }
    }

    /// Takes the descriptor of the segment of this number. Does nothing if it is known.
    ///
    /// # Errors
    /// If it is not memory whose length is fixed, or the peer has sent too many.
    pub(crate) fn add(&mut self, number: u32, fd: OwnedFd) -> Result<(), MemoryError> {
        self.sweep();
        if self.segments.contains_key(&number) {
            return Ok(());
        }
        if self.segments.len() == SEGMENTS_MAX {
            return Err(MemoryError::refused(format!(
                "the peer sent over {SEGMENTS_MAX} segments"
            )));
        }
        let capacity = memfd::check(fd.as_fd(), memfd::FIXED)?;
        if capacity < memfd::page() {
            return Err(MemoryError::refused(format!(
                "a segment of {capacity} bytes is too short"
            )));
        }
        let header = Mapping::map(&fd, memfd::page())?;
        let received = Received { fd, header, view: OnceLock::new(), capacity };
        self.segments.insert(number, Arc::new(received));
        Ok(())
    }

    /// The byte strings of a parcel. Their segment goes back to the sender when it is copied, or when
    /// the last of them is dropped.
    ///
    /// # Errors
    /// If the parcel does not fit its segment, is longer than allowed, or the segment is not known.
    #[cfg(test)]
    pub(crate) fn open(&self, parcel: &Parcel) -> Result<Vec<bytes::Bytes>, MemoryError> {
        self.claim(parcel)?.open()
    }

    /// Finds a parcel, to be opened without this inbox.
    ///
    /// # Errors
    /// If the parcel does not fit its segment, or the segment is not known.
    pub(crate) fn claim(&self, parcel: &Parcel) -> Result<Claim, MemoryError> {
        let received = self
            .segments
            .get(&parcel.segment)
            .ok_or_else(|| refused(parcel.segment, "it is not known"))?;
        let layout = Layout::of(parcel.lengths.iter().copied())
            .filter(|layout| layout.end <= received.capacity)
            .ok_or_else(|| refused(parcel.segment, "it would end beyond the segment"))?;
        Ok(Claim {
            lease: Lease { received: Arc::clone(received), number: parcel.lease },
            reading: self.reading.clone(),
            layout,
            segment: parcel.segment,
        })
    }

    /// How many segments are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Forgets segments that their sender has given up.
    pub(crate) fn sweep(&mut self) {
        // A view of one is still there if the sender does not keep to the protocol.
        self.segments.retain(|_, received| {
            received.state().load(Ordering::Acquire) != RETIRED || Arc::strong_count(received) > 1
        });
    }
}

fn refused(segment: u32, why: &str) -> MemoryError {
    MemoryError::refused(format!("a payload in segment {segment} was refused: {why}"))
}

/// A parcel that has come and was not opened yet. Dropped, its segment goes back to the sender.
#[derive(Debug)]
pub(crate) struct Claim {
    lease: Lease,
    reading: Reading,
    layout: Layout,
    segment: u32,
}

impl Claim {
    /// The byte strings. Their segment goes back to the sender when it is copied, or when the last of
    /// them is dropped.
    ///
    /// # Errors
    /// If the parcel is longer than allowed, or is not there.
    pub(crate) fn open(self) -> Result<Vec<bytes::Bytes>, MemoryError> {
        let received = &self.lease.received;
        match &self.reading {
            Reading::InPlace => {
                if received.state().load(Ordering::Acquire) != self.lease.number {
                    return Err(refused(self.segment, "its lease has ended"));
                }
                self.lease.open_in_place(&self.layout)
            }
            Reading::Copied { buffers, bytes_max } => {
                let total = self.layout.end - memfd::page();
                if total > *bytes_max {
                    return Err(MemoryError::too_large(format!(
                        "a payload of {total} bytes is longer than the {bytes_max} bytes that are \
                         taken from a worker"
                    )));
                }
                memfd::check_present(&received.fd, total)?;
                received.copy_out(buffers, &self.layout)
            }
        }
    }

    /// A copy of how the first byte string begins, at most so long.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn beginning(&self, length_max: usize) -> Result<Vec<u8>, MemoryError> {
        let mut beginning = Vec::new();
        if let Some(&(start, length)) = self.layout.parts.first() {
            let length = length.min(length_max);
            memfd::read_at(&self.lease.received.fd, start as u64, length, &mut beginning)?;
        }
        Ok(beginning)
    }
}

impl Received {
    fn copy_out(
        &self,
        buffers: &Buffers,
        layout: &Layout,
    ) -> Result<Vec<bytes::Bytes>, MemoryError> {
        let page = memfd::page();
        let total = layout.end - page;
        let mut buffer = buffers.take(total.saturating_add(ALIGNMENT));
        // The parts are aligned in the copy as they are in the segment.
        buffer.try_reserve_exact(total.saturating_add(ALIGNMENT)).map_err(|_| {
            MemoryError::too_large(format!("there is no memory for a copy of {total} bytes"))
        })?;
        let start_of_copy = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        buffer.resize(start_of_copy, 0);
        memfd::read_at(&self.fd, page as u64, total, &mut buffer)?;
        let all = buffers.lend(buffer).slice(start_of_copy..);
        let part =
            |&(start, length): &(usize, usize)| all.slice(start - page..start - page + length);
        Ok(layout.parts.iter().map(part).collect())
    }
}

/// The right to read a segment, given back when the last part is dropped.
#[derive(Debug)]
struct Lease {
    received: Arc<Received>,
    number: u64,
}

impl Lease {
    fn open_in_place(self, layout: &Layout) -> Result<Vec<bytes::Bytes>, MemoryError> {
        let received = &self.received;
        if received.view.get().is_none() {
            // SAFETY: the segment's length is fixed, as `add` has checked. Slices are taken under a
            // lease alone, and for as long as it lasts the sender does not write, as `in_place`
            // demands; this process does not write there at all.
            let view = unsafe { View::map_reused(&received.fd, received.capacity) }?;
            // If another thread was faster, its view is as good.
            drop(received.view.set(view));
        }
        let lease = Arc::new(self);
        let part = |&(start, length): &(usize, usize)| {
            bytes::Bytes::from_owner(Part { lease: Arc::clone(&lease), start, length })
        };
        Ok(layout.parts.iter().map(part).collect())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.received.release(self.number);
    }
}

struct Part {
    lease: Arc<Lease>,
    start: usize,
    length: usize,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        // The parts were found to be inside of the segment when it was opened.
        let view = self.lease.received.view.get();
        view.and_then(|view| view.bytes(self.start, self.length)).unwrap_or_default()
    }
}
