//! Memory of other processes in our address space: where it begins, how long it is, and that nobody
//! looks beyond.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::mm::{MapFlags, ProtFlags};

use super::MemoryError;

/// A part of the address space, given back when this is dropped.
struct Region {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the region belongs to this value, whichever thread has it; what may be done with the
// bytes behind it is the business of the two types below.
unsafe impl Send for Region {}
// SAFETY: as above; a shared reference to it only tells where it is.
unsafe impl Sync for Region {}

impl Region {
    fn map(
        fd: impl AsFd,
        offset: u64,
        length: usize,
        protection: ProtFlags,
        flags: MapFlags,
    ) -> Result<Region, MemoryError> {
        let failed = |error: std::io::Error| {
            MemoryError::system(format_args!("mapping {length} bytes of shared memory"), error)
        };
        // SAFETY: the system chooses a part of the address space where nothing is, so no memory of
        // anybody changes.
        let start = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), length, protection, flags, fd, offset)
        }
        .map_err(|error| failed(error.into()))?;
        let start = NonNull::new(start.cast())
            .ok_or_else(|| failed(std::io::ErrorKind::AddrNotAvailable.into()))?;
        Ok(Region { start, length })
    }

    /// Where `length` bytes from `offset` on are, if all of them are inside.
    fn at(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(length)?;
        // SAFETY: `offset` is at most the region's length, so the place is inside or just behind.
        (end <= self.length).then(|| unsafe { self.start.add(offset) })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the region was mapped by `map` with this length and nobody else unmaps it; those
        // who look at it borrow the owner of this value.
        let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.length) };
        debug_assert!(unmapped.is_ok(), "a region that was mapped can be unmapped");
    }
}

/// Memory that this process only reads.
pub(crate) struct View(Region);

impl View {
    /// Maps the first `length` bytes (at least one) of memory that was checked by
    /// [`memfd::check`](super::memfd::check) to be as long.
    ///
    /// # Safety
    /// For as long as somebody has a slice of [`bytes`](Self::bytes), nobody writes there, in any
    /// process; and the memory is not made shorter than `length`.
    pub(crate) unsafe fn map(fd: impl AsFd, length: usize) -> Result<View, MemoryError> {
        // Of memory that is sealed against writing, older kernels grant private mappings alone.
        // Without a write both are the same pages.
        Region::map(fd, 0, length, ProtFlags::READ, MapFlags::PRIVATE).map(View)
    }

    /// Like [`map`](Self::map), for memory that is written while nobody has a slice of it, and is
    /// to be seen then as it was written.
    ///
    /// # Safety
    /// As for [`map`](Self::map).
    pub(crate) unsafe fn map_reused(fd: impl AsFd, length: usize) -> Result<View, MemoryError> {
        Region::map(fd, 0, length, ProtFlags::READ, MapFlags::SHARED).map(View)
    }

    /// These bytes, if they are inside.
    pub(crate) fn bytes(&self, offset: usize, length: usize) -> Option<&[u8]> {
        let start = self.0.at(offset, length)?;
        // SAFETY: the place is inside of a readable mapping that lives as long as the borrow, and
        // nobody writes there, as `map` demands.
        Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), length) })
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("length", &self.0.length).finish()
    }
}

/// Memory that is being written before anybody else has it.
pub(crate) struct Draft(Region);

impl Draft {
    /// Maps the first `length` bytes (at least one) of memory.
    ///
    /// # Safety
    /// This process has made the memory with at least this length, and has neither mapped it nor
    /// given it to anybody, and does not until the draft is dropped.
    pub(crate) unsafe fn map(fd: &OwnedFd, length: usize) -> Result<Draft, MemoryError> {
        Region::map(fd, 0, length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED).map(Draft)
    }

    /// All of it.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the region is mapped for reading and writing for as long as the borrow, and nobody
        // else has it: this is the only mapping of memory that nobody else was given.
        unsafe { std::slice::from_raw_parts_mut(self.0.start.as_ptr(), self.0.length) }
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("length", &self.0.length).finish()
    }
}

/// Memory that this process and others read and write at the same time. So there are no slices of
/// it: what is there is an atomic, or is copied.
pub(crate) struct Mapping(Region);

impl Mapping {
    /// Maps the first `length` bytes (at least one) of memory that was checked by
    /// [`memfd::check`](super::memfd::check) to be as long, and to stay so.
    pub(crate) fn map(fd: impl AsFd, length: usize) -> Result<Mapping, MemoryError> {
        Region::map(fd, 0, length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED)
            .map(Mapping)
    }

    /// Like [`map`](Self::map), with all pages in place, so that using them takes no page faults.
    pub(crate) fn map_populated(fd: impl AsFd, length: usize) -> Result<Mapping, MemoryError> {
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        Region::map(fd, 0, length, ProtFlags::READ | ProtFlags::WRITE, flags).map(Mapping)
    }

    /// How long it is, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.length
    }

    /// Writes these bytes from `offset` on. Whether they fit; otherwise nothing is written.
    ///
    /// # Safety
    /// Nobody uses the bytes there meanwhile, in any process.
    pub(crate) unsafe fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        let Some(place) = self.0.at(offset, bytes.len()) else { return false };
        // SAFETY: the place is inside of a writable mapping. `bytes` is a slice, and there are none
        // of mappings; so they do not overlap. Nobody else uses the place, as the caller says.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        true
    }

    /// The atomic at this offset, if it is inside and aligned.
    pub(crate) fn atomic<A: Atomic>(&self, offset: usize) -> Option<&A> {
        let place = self.0.at(offset, size_of::<A>())?.cast::<A>();
        if !place.is_aligned() {
            return None;
        }
        // SAFETY: the place is inside of a mapping that lives as long as the borrow, aligned, and
        // holds an integer whatever its bytes are. Everybody, in this process and in others,
        // reads and writes there by atomic operations.
        Some(unsafe { place.as_ref() })
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("length", &self.0.length).finish()
    }
}

/// Atomics for which every sequence of bytes is a value.
///
/// # Safety
/// The type is one of the integers of `std::sync::atomic`.
pub(crate) unsafe trait Atomic {}

macro_rules! atomics {
    ($($atomic:ty),+) => {$(
        // SAFETY: an atomic integer of the standard library.
        unsafe impl Atomic for $atomic {}
    )+};
}

atomics!(
    std::sync::atomic::AtomicU8,
    std::sync::atomic::AtomicU16,
    AtomicU32,
    AtomicU64,
    std::sync::atomic::AtomicI64,
    std::sync::atomic::AtomicUsize
);

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::memory::memfd;

    #[test]
    fn two_mappings_are_the_same_memory() {
        let fd = memfd::create_fixed("test", 4096).unwrap();
        let (here, there) = (Mapping::map(&fd, 4096).unwrap(), Mapping::map(&fd, 4096).unwrap());
        here.atomic::<AtomicU64>(8).unwrap().store(42, Ordering::Relaxed);
        assert_eq!(there.atomic::<AtomicU64>(8).unwrap().load(Ordering::Relaxed), 42);
        assert_eq!(there.len(), 4096);
    }

    #[test]
    fn nothing_is_seen_beyond_the_end_or_crooked() {
        let fd = memfd::create_fixed("test", 4096).unwrap();
        let mapping = Mapping::map(&fd, 100).unwrap();
        assert!(mapping.atomic::<AtomicU64>(88).is_some());
        for offset in [93, 96, 100, 101, usize::MAX, usize::MAX - 7] {
            assert!(mapping.atomic::<AtomicU64>(offset).is_none(), "{offset}");
        }
        assert!(mapping.atomic::<AtomicU64>(4).is_none());
        assert!(mapping.atomic::<AtomicU32>(4).is_some());
        // SAFETY: nobody writes.
        let view = unsafe { View::map(&fd, 100) }.unwrap();
        assert_eq!(view.bytes(0, 100).unwrap(), [0; 100]);
        assert_eq!(view.bytes(100, 0).unwrap(), []);
        for (offset, length) in [(0, 101), (100, 1), (101, 0), (usize::MAX, 2), (2, usize::MAX)] {
            assert!(view.bytes(offset, length).is_none(), "{offset} {length}");
        }
    }
}
