//! A piece of shared memory, as words that both sides read and write at any time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

/// Shared memory, mapped as long as this lives. Its size is sealed: no side can make the other's
/// accesses fail.
#[derive(Debug)]
pub(super) struct Region {
    first: NonNull<AtomicU64>,
    count: usize,
}

// SAFETY: the memory is reached only as atomics, which any thread may use; unmapping needs the
// value itself.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// New memory of `count` words, all zero.
    pub(super) fn create(count: usize) -> io::Result<(Region, OwnedFd)> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create("manyhands-channel", flags)?;
        rustix::fs::ftruncate(&fd, (count * 8) as u64)?;
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let region = Region::map(fd.as_fd(), count)?;
        Ok((region, fd))
    }

    /// Memory of `count` words that somebody else made.
    pub(super) fn open(fd: BorrowedFd<'_>, count: usize) -> io::Result<Region> {
        let size = rustix::fs::fstat(fd)?.st_size;
        let sealed = rustix::fs::fcntl_get_seals(fd)?.contains(SealFlags::SHRINK);
        if !sealed || u64::try_from(size).ok() != Some((count * 8) as u64) {
            let what = format!("the shared memory has {size} bytes, sealed: {sealed}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Region::map(fd, count)
    }

    fn map(fd: BorrowedFd<'_>, count: usize) -> io::Result<Region> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses overlaps nothing.
        let address = unsafe {
            rustix::mm::mmap(null_mut(), count * 8, protection, MapFlags::SHARED, fd, 0)
        }?;
        let first = NonNull::new(address.cast())
            .ok_or_else(|| io::Error::other("memory was mapped at address 0"))?;
        Ok(Region { first, count })
    }

    /// All words.
    pub(super) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is that long, page-aligned, and stays until `self` is dropped; the
        // file cannot be shortened. Any content is valid for an atomic integer, and nobody of ours
        // reaches these words in any other way than by atomics.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.count) }
    }

    /// Half of a word that is never used as a whole: what a futex needs.
    pub(super) fn half_word(&self, index: usize) -> &AtomicU32 {
        let word: *const AtomicU64 = &self.words()[index];
        // SAFETY: within the word, aligned, and by the rule of this method no other access to the
        // same memory has another size.
        unsafe { &*word.cast::<AtomicU32>() }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this address and length; whoever had a reference into it
        // had borrowed `self`. It fails only for an address that was never mapped.
        let _always_works =
            unsafe { rustix::mm::munmap(self.first.as_ptr().cast(), self.count * 8) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn two_mappings_are_one_memory() {
        let (here, fd) = Region::create(1024).unwrap();
        let there = Region::open(fd.as_fd(), 1024).unwrap();
        here.words()[1023].store(42, Ordering::Release);
        assert_eq!(there.words()[1023].load(Ordering::Acquire), 42);
    }

    #[test]
    fn memory_of_another_size_or_without_seals_is_refused() {
        let (_here, fd) = Region::create(1024).unwrap();
        assert!(Region::open(fd.as_fd(), 2048).is_err());
        let unsealed = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&unsealed, 8192).unwrap();
        assert!(Region::open(unsealed.as_fd(), 1024).is_err());
        assert!(rustix::fs::ftruncate(&fd, 16).is_err(), "nobody can shorten it");
    }
}
