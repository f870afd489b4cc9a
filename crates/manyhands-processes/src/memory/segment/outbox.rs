//! The sender's side of segments.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{FREE, Layout, Parcel, RETIRED};
use crate::memory::mapping::Mapping;
use crate::memory::{MemoryError, memfd};

/// The shortest segment, in bytes. Lengths are powers of two; of what is not written there are no
/// pages.
const CAPACITY_MIN: usize = 128 * 1024;
/// How many segments one peer may hold at a time.
const SEGMENTS_MAX: usize = 512;
/// From this length on, in bytes, a segment that is written again is worth a mapping.
const MAPPED_MIN: usize = 1024 * 1024;

/// The segments of one sender for one peer. Dropped when the peer is gone.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    segments: Vec<Segment>,
    /// Whether segments are mapped that are written again.
    maps: bool,
    next_segment: u32,
    last_lease: u64,
    created: u64,
    reused: u64,
    trimmed: u64,
}

#[derive(Debug)]
struct Segment {
    number: u32,
    fd: Arc<OwnedFd>,
    header: Header,
    capacity: usize,
    /// So far from the beginning all pages are there, because they were written.
    present: usize,
    /// The data as far as it was present when it was mapped.
    data: Option<Arc<Mapping>>,
    /// Whether the peer has the descriptor.
    introduced: bool,
    /// When it was last seen in use.
    used: Instant,
}

impl Segment {
    /// The mapping through which so much of it can be written, if that is possible: it does not make
    /// pages, so that no lack of memory can end the process.
    fn data(&mut self, length: usize) -> Option<Arc<Mapping>> {
        if length < MAPPED_MIN || self.present < length {
            return None;
        }
        if self.data.as_ref().is_none_or(|data| data.len() < length) {
            // Without one it is written by the system.
            self.data = Mapping::map_populated(&self.fd, self.present).ok().map(Arc::new);
        }
        self.data.clone()
    }
}

/// The first page of a segment, which both sides have mapped.
#[derive(Debug)]
struct Header(Mapping);

impl Header {
    fn state(&self) -> &AtomicU64 {
        self.0.atomic(0).expect("a page has a first word")
    }

    fn is_free(&self) -> bool {
        self.state().load(Ordering::Acquire) == FREE
    }
}

/// What an outbox holds, and has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OutboxStatistics {
    /// Segments there are.
    pub(crate) segments: usize,
    /// Segments that the peer holds.
    pub(crate) held: usize,
    /// How long all segments are together, in bytes; at most so much memory is in use.
    pub(crate) capacity_bytes: usize,
    /// Segments made so far.
    pub(crate) created: u64,
    /// Parcels that found a segment used before.
    pub(crate) reused: u64,
    /// Segments given back so far because nobody used them.
    pub(crate) trimmed: u64,
}

/// A segment that is set aside for one parcel. It stays so until the peer has done with it, or it
/// is [withdrawn](Outbox::withdraw).
#[derive(Debug)]
pub(crate) struct Reservation {
    fd: Arc<OwnedFd>,
    /// Through this, if there is one.
    data: Option<Arc<Mapping>>,
    layout: Layout,
    parcel: Parcel,
    introduced: bool,
}

impl Reservation {
    /// Writes the parts, whose lengths are those that were reserved. Needs no lock of the outbox.
    pub(crate) fn fill(&self, parts: &[&[u8]]) -> Result<(), MemoryError> {
        assert_eq!(parts.len(), self.layout.parts.len(), "as many parts as were reserved");
        for (part, (start, length)) in parts.iter().zip(&self.layout.parts) {
            assert_eq!(part.len(), *length, "parts as long as were reserved");
            // SAFETY: there is a mapping only if the outbox was made by `mapping`: then the peer keeps
            // to the protocol and does not touch the segment before it was sent the parcel. In this
            // process the reservation is the only one of this segment.
            let written =
                self.data.as_ref().is_some_and(|data| unsafe { data.write(*start, part) });
            if !written {
                memfd::write_at(&self.fd, *start as u64, &[part])?;
            }
        }
        Ok(())
    }

    /// What tells the peer where the parts are.
    pub(crate) fn parcel(&self) -> &Parcel {
        &self.parcel
    }

    /// The segment's descriptor, if the peer does not have it yet: it has to arrive before the
    /// parcel is opened.
    pub(crate) fn introduction(&self) -> Option<&Arc<OwnedFd>> {
        (!self.introduced).then_some(&self.fd)
    }
}

impl Outbox {
    /// What is sent is written by the system, whatever the peer may do to the segments.
    pub(crate) fn new() -> Outbox {
        Outbox::default()
    }

    /// What is sent in a segment that was used before is written through a mapping, which takes half
    /// the time.
    ///
    /// # Safety
    /// The peer keeps to the protocol: it does not touch a segment but under a lease. So it is the
    /// process that has started this one.
    pub(crate) unsafe fn mapping() -> Outbox {
        Outbox { maps: true, ..Outbox::default() }
    }

    /// Sets a segment aside for parts of these lengths, in bytes: a free one that is long enough, or
    /// a new one.
    ///
    /// # Errors
    /// If there is not so much memory, no descriptor, or the peer holds too many segments; then
    /// the payload has to go another way.
    pub(crate) fn reserve(
        &mut self,
        lengths: impl IntoIterator<Item = usize>,
    ) -> Result<Reservation, MemoryError> {
        let lengths: Vec<u64> = lengths.into_iter().map(|length| length as u64).collect();
        let layout = Layout::of(lengths.iter().copied())
            .filter(|layout| layout.end <= memfd::limit())
            .ok_or_else(|| {
                let total: u128 = lengths.iter().map(|length| u128::from(*length)).sum();
                MemoryError::too_large(format!(
                    "a payload of {total} bytes is more than this machine has memory ({} bytes)",
                    memfd::limit()
                ))
            })?;
        let index = match self.best_free(layout.end) {
            Some(index) => {
                self.reused += 1;
                index
            }
            None => self.create(layout.end)?,
        };
        self.last_lease += 1;
        let segment = &mut self.segments[index];
        segment.used = Instant::now();
        segment.header.state().store(self.last_lease, Ordering::Release);
        let data = if self.maps { segment.data(layout.end) } else { None };
        Ok(Reservation {
            fd: Arc::clone(&segment.fd),
            data,
            layout,
            parcel: Parcel { segment: segment.number, lease: self.last_lease, lengths },
            introduced: segment.introduced,
        })
    }

    /// Reserves a segment and writes the parts into it.
    ///
    /// # Errors
    /// Like [`reserve`](Self::reserve).
    #[cfg(test)]
    pub(crate) fn put(&mut self, parts: &[&[u8]]) -> Result<Reservation, MemoryError> {
        let reservation = self.reserve(parts.iter().map(|part| part.len()))?;
        match reservation.fill(parts) {
            Ok(()) => {
                if let Some(segment) = self.find(reservation.parcel.segment) {
                    segment.present = segment.present.max(reservation.layout.end);
                }
                Ok(reservation)
            }
            Err(error) => {
                self.withdraw(reservation.parcel());
                Err(error)
            }
        }
    }

    /// The descriptor of the parcel's segment was sent.
    pub(crate) fn introduced(&mut self, parcel: &Parcel) {
        if let Some(segment) = self.find(parcel.segment) {
            segment.introduced = true;
        }
    }

    /// Takes back a parcel that the peer has not been given, or has declared not to open.
    pub(crate) fn withdraw(&mut self, parcel: &Parcel) {
        if let Some(segment) = self.find(parcel.segment) {
            // Not if the peer was faster: then the segment is free, or in use again.
            let _was_faster = segment.header.state().compare_exchange(
                parcel.lease,
                FREE,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
    }

    /// Gives back the memory of segments that nobody has used for `idle`. Zero: of all that are free.
    pub(crate) fn trim(&mut self, idle: Duration) {
        let now = Instant::now();
        let before = self.segments.len();
        self.segments.retain_mut(|segment| {
            if !segment.header.is_free() {
                segment.used = now;
                return true;
            }
            if now.saturating_duration_since(segment.used) < idle {
                return true;
            }
            // The peer still has the segment mapped, but all pages go now.
            segment.header.state().store(RETIRED, Ordering::Release);
            let page = memfd::page();
            let rest = segment.capacity - page;
            let _kept_if_refused = memfd::discard(&segment.fd, page as u64, rest as u64);
            false
        });
        self.trimmed += (before - self.segments.len()) as u64;
    }

    pub(crate) fn statistics(&self) -> OutboxStatistics {
        OutboxStatistics {
            segments: self.segments.len(),
            held: self.segments.iter().filter(|segment| !segment.header.is_free()).count(),
            capacity_bytes: self.segments.iter().map(|segment| segment.capacity).sum(),
            created: self.created,
            reused: self.reused,
            trimmed: self.trimmed,
        }
    }

    #[cfg(test)]
    pub(crate) fn segments_mapped(&self) -> usize {
        self.segments.iter().filter(|segment| segment.data.is_some()).count()
    }

    fn find(&mut self, number: u32) -> Option<&mut Segment> {
        self.segments.iter_mut().find(|segment| segment.number == number)
    }

    /// The shortest free segment that is long enough; of several the one used last, whose memory is
    /// the most likely to be in the processor's caches.
    fn best_free(&self, length: usize) -> Option<usize> {
        self.segments
            .iter()
            .enumerate()
            .filter(|(_, segment)| segment.capacity >= length && segment.header.is_free())
            .min_by_key(|(_, segment)| (segment.capacity, std::cmp::Reverse(segment.used)))
            .map(|(index, _)| index)
    }

    fn create(&mut self, length: usize) -> Result<usize, MemoryError> {
        if self.segments.len() == SEGMENTS_MAX {
            return Err(MemoryError::too_large(format!(
                "the receiver holds {SEGMENTS_MAX} payloads and has released none of them"
            )));
        }
        // A power of two may be above the limit where the length is not; then the limit will do.
        let capacity = length
            .checked_next_power_of_two()
            .unwrap_or(usize::MAX)
            .max(CAPACITY_MIN)
            .min(memfd::limit().max(length));
        let fd = memfd::create_fixed("manyhands-segment", capacity)?;
        let header = Header(Mapping::map(&fd, memfd::page())?);
        self.segments.push(Segment {
            number: self.next_segment,
            fd: Arc::new(fd),
            header,
            capacity,
            present: 0,
            data: None,
            introduced: false,
            used: Instant::now(),
        });
        self.next_segment = self.next_segment.wrapping_add(1);
        self.created += 1;
        Ok(self.segments.len() - 1)
    }
}
