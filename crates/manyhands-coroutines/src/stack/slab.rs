//! A slab: one mapping that many stacks are cut from, each with its guard below it.
//!
//! ```text
//! low                                                              high
//! | guard | stack <-------- base | guard | stack <-------- base | ...
//! ```

use std::io;
use std::num::NonZeroUsize;
use std::ptr;

use super::guard::GuardMethod;
use super::size::StackSize;

/// The top of a stack, where it begins to grow downwards. It stands for the whole stack.
pub(super) type Base = NonZeroUsize;

/// The guard below each stack: 16 pages of 4 KiB, because code in C may move the stack pointer by
/// more than a page without touching each.
pub(super) const GUARD_BYTES: usize = 64 * 1024;

/// The part of a slab that no stack was cut from yet.
#[derive(Debug, Default)]
pub(super) struct Slab {
    low: usize,
    high: usize,
}

/// The bytes that a stack takes with its guard; none if no address space is that large.
pub(super) fn pitch(size: StackSize) -> Option<usize> {
    size.bytes().checked_add(GUARD_BYTES).filter(|bytes| *bytes <= isize::MAX as usize)
}

impl Slab {
    /// Maps a slab for `stacks` stacks of `pitch` bytes each. It is never unmapped.
    pub(super) fn map(stacks: usize, pitch: usize) -> io::Result<Slab> {
        let bytes = stacks.checked_mul(pitch).ok_or(io::ErrorKind::OutOfMemory)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address that the kernel chooses touches no memory
        // that anybody has.
        let address = unsafe {
            libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // A huge page would commit 2 MiB for the first touch of a stack. The error of a kernel that
        // has no huge pages does not matter.
        // SAFETY: the range is the mapping that was just made.
        unsafe { libc::madvise(address, bytes, libc::MADV_NOHUGEPAGE) };
        let low = address.expose_provenance();
        Ok(Slab { low, high: low + bytes })
    }

    /// How many stacks of `pitch` bytes can still be cut.
    pub(super) fn left(&self, pitch: usize) -> usize {
        (self.high - self.low) / pitch
    }

    /// Cuts the next stack and makes its guard; `method` becomes the one that worked.
    ///
    /// # Panics
    /// If none is [left](Self::left).
    pub(super) fn cut(&mut self, pitch: usize, method: &mut GuardMethod) -> io::Result<Base> {
        assert!(self.left(pitch) > 0, "a stack is cut from a slab that is used up");
        // SAFETY: `low..low + pitch` is the next piece of this slab's mapping, and no stack was cut
        // from it yet. All sizes are multiples of the page size.
        *method = unsafe { method.install(self.low, GUARD_BYTES)? };
        self.low += pitch;
        Ok(Base::new(self.low).expect("the end of a mapping is above 0"))
    }
}

/// Gives the memory of idle stacks back to the system; they stay usable, and read as zeros.
///
/// Neighbours are handled by one call: guards between them survive it.
///
/// # Safety
/// `bases` are stacks of `pitch` bytes each that were [cut](Slab::cut) and are nobody's.
pub(super) unsafe fn discard(bases: &mut [Base], pitch: usize) {
    bases.sort_unstable();
    for run in bases.chunk_by(|lower, upper| lower.get() + pitch == upper.get()) {
        let (first, last) = (run[0].get(), run[run.len() - 1].get());
        let low = first - pitch + GUARD_BYTES;
        // The error does not matter: locked memory stays committed.
        // SAFETY: from above the first guard to the last base there are only idle stacks, whose
        // contents nobody reads, and guards between them.
        unsafe {
            libc::madvise(ptr::without_provenance_mut(low), last - low, libc::MADV_DONTNEED);
        }
    }
}
