//! Memory without a name that other processes can be given: made, written, sealed, checked.
//!
//! Whatever is received is checked before anything else: that it is such memory at all, that its
//! length is fixed (a peer that made it shorter would have us killed by SIGBUS at the next look),
//! and how long it is. Writing goes through the operating system and not through a mapping: it
//! reports a lack of memory as an error, where a mapping would end the process, and it takes no
//! page faults.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{MemfdFlags, SealFlags};

use super::{MemoryError, bulk_read};

/// Seals by which a length is fixed for ever, and nobody adds others.
pub(crate) const FIXED: SealFlags = SealFlags::GROW.union(SealFlags::SHRINK).union(SealFlags::SEAL);
/// Seals by which the contents are fixed too.
pub(crate) const FROZEN: SealFlags = FIXED.union(SealFlags::WRITE);

/// The length of a page, in bytes.
pub(crate) fn page() -> usize {
    rustix::param::page_size()
}

/// The longest memory that is made, in bytes: as much as the machine has. More could be promised,
/// but not be written.
pub(crate) fn limit() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let info = rustix::system::sysinfo();
        let bytes = u64::from(info.mem_unit.max(1)).saturating_mul(info.totalram as u64);
        usize::try_from(bytes).unwrap_or(usize::MAX).min(isize::MAX as usize)
    })
}

/// Makes memory of `length` bytes, all zero; no page of it is there yet.
pub(crate) fn create(name: &str, length: usize) -> Result<OwnedFd, MemoryError> {
    if length > limit() {
        return Err(MemoryError::too_large(format!(
            "shared memory of {length} bytes is more than this machine has ({} bytes)",
            limit()
        )));
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know that memory may be declared not to be a program.
    let fd = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create(name, flags),
        made => made,
    }
    .map_err(|error| MemoryError::system("making shared memory", error))?;
    rustix::fs::ftruncate(&fd, length as u64).map_err(|error| {
        MemoryError::system(format_args!("making {length} bytes of shared memory"), error)
    })?;
    Ok(fd)
}

/// Makes memory whose length is fixed from the beginning, for writing by several processes.
pub(crate) fn create_fixed(name: &str, length: usize) -> Result<OwnedFd, MemoryError> {
    let fd = create(name, length)?;
    seal(&fd, FIXED)?;
    Ok(fd)
}

/// Adds seals.
pub(crate) fn seal(fd: impl AsFd, seals: SealFlags) -> Result<(), MemoryError> {
    rustix::fs::fcntl_add_seals(fd, seals)
        .map_err(|error| MemoryError::system("sealing shared memory", error))
}

/// The length of memory that was received, if it is what it is said to be: memory, and sealed with
/// `seals` at least.
pub(crate) fn check(fd: BorrowedFd<'_>, seals: SealFlags) -> Result<usize, MemoryError> {
    let foreign =
        |_| MemoryError::refused("a descriptor that was received is not shared memory".to_owned());
    let has = rustix::fs::fcntl_get_seals(fd).map_err(foreign)?;
    // Memory of huge pages can be sealed too, but reading it can end in SIGBUS.
    const TMPFS: i64 = 0x0102_1994;
    #[allow(clippy::unnecessary_cast)] // The type differs between architectures.
    if rustix::fs::fstatfs(fd).map_err(foreign)?.f_type as i64 != TMPFS {
        return Err(MemoryError::refused("shared memory that was received is of an unusual kind"));
    }
    if !has.contains(seals) {
        let missing = seals.difference(has);
        return Err(MemoryError::refused(format!(
            "shared memory that was received could be changed by others: it lacks the seals \
             {missing:?}"
        )));
    }
    let length = rustix::fs::fstat(fd)
        .map_err(|error| MemoryError::system("asking for the length of shared memory", error))?
        .st_size;
    usize::try_from(length).map_err(|_| MemoryError::refused("shared memory of negative length"))
}

/// Refuses memory of which less than `length` bytes are there, as opposed to promised. Looking at
/// what is not makes it: a peer that promised much would have us fill as much memory with zeros.
pub(crate) fn check_present(fd: impl AsFd, length: usize) -> Result<(), MemoryError> {
    const BLOCK_BYTES: u64 = 512;
    let stat = rustix::fs::fstat(fd)
        .map_err(|error| MemoryError::system("asking how much of shared memory is there", error))?;
    let present = (stat.st_blocks as u64).saturating_mul(BLOCK_BYTES);
    if present < length as u64 {
        return Err(MemoryError::refused(format!(
            "of {length} bytes of shared memory that was received only {present} are there"
        )));
    }
    Ok(())
}

/// Writes all `parts`, one after the other, from `offset` on.
pub(crate) fn write_at(fd: impl AsFd, mut offset: u64, parts: &[&[u8]]) -> Result<(), MemoryError> {
    // As many as the operating system takes in one call.
    const SLICES_MAX: usize = 1024;
    let failed = |error: io::Error| MemoryError::system("writing into shared memory", error);
    for some in parts.chunks(SLICES_MAX) {
        let mut slices: Vec<_> = some.iter().map(|part| IoSlice::new(part)).collect();
        let mut left = &mut slices[..];
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match rustix::io::pwritev(&fd, left, offset) {
                Ok(0) => return Err(failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
    Ok(())
}

/// Appends `length` bytes from `offset` on to `into`: a copy that nobody can change any more. Much is
/// copied by several threads.
pub(crate) fn read_at(
    fd: impl AsFd,
    offset: u64,
    length: usize,
    into: &mut Vec<u8>,
) -> Result<(), MemoryError> {
    into.try_reserve_exact(length).map_err(|_| {
        MemoryError::too_large(format!("there is no memory for a copy of {length} bytes"))
    })?;
    let end = into.len() + length;
    bulk_read::read(fd.as_fd(), offset, &mut into.spare_capacity_mut()[..length])
        .map_err(|error| MemoryError::system("reading shared memory", error))?;
    // SAFETY: `read` has initialised so many bytes behind those that were there.
    unsafe { into.set_len(end) };
    Ok(())
}

/// Has the pages of the first `length` bytes made now, so that a lack of memory is an error here and
/// not the end of the process when one of them is touched.
pub(crate) fn allocate(fd: impl AsFd, length: usize) -> Result<(), MemoryError> {
    rustix::fs::fallocate(fd, rustix::fs::FallocateFlags::empty(), 0, length as u64)
        .map_err(|error| MemoryError::system(format_args!("allocating {length} bytes"), error))
}

/// Gives the pages of a range back; it reads as zero from then on.
pub(crate) fn discard(fd: impl AsFd, offset: u64, length: u64) -> Result<(), MemoryError> {
    use rustix::fs::FallocateFlags;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(fd, flags, offset, length)
        .map_err(|error| MemoryError::system("giving shared memory back", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let fd = create_fixed("test", 10_000).unwrap();
        let many: Vec<Vec<u8>> = (0..3000_u32).map(|n| vec![n as u8; 3]).collect();
        let mut parts: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
        parts.insert(0, b"");
        parts.push(b"");
        write_at(&fd, 7, &parts).unwrap();
        let mut read = b"before".to_vec();
        read_at(&fd, 7, 9000, &mut read).unwrap();
        assert_eq!(read[6..], many.concat());
        discard(&fd, 0, 10_000).unwrap();
        read.clear();
        read_at(&fd, 0, 10_000, &mut read).unwrap();
        assert_eq!(read, vec![0; 10_000]);
    }

    #[test]
    fn nothing_is_written_or_read_beyond_the_end() {
        let fd = create_fixed("test", 100).unwrap();
        assert!(write_at(&fd, 90, &[&[1; 11]]).is_err());
        let mut read = Vec::new();
        assert!(read_at(&fd, 90, 11, &mut read).is_err());
        assert!(read_at(&fd, 100, 1, &mut Vec::new()).is_err());
    }

    #[test]
    fn more_than_the_machine_has_is_refused() {
        for length in [limit() + 1, usize::MAX] {
            let error = create("test", length).unwrap_err();
            assert!(error.is_too_large(), "{error}");
            assert!(error.to_string().contains(&length.to_string()), "{error}");
        }
        let fd = create_fixed("test", 10).unwrap();
        let error = read_at(&fd, 0, usize::MAX / 2, &mut Vec::new()).unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }

    #[test]
    fn what_could_be_changed_is_refused() {
        let plain = create("test", 10).unwrap();
        assert!(check(plain.as_fd(), FIXED).unwrap_err().is_refused());
        let fixed = create_fixed("test", 10).unwrap();
        assert_eq!(check(fixed.as_fd(), FIXED).unwrap(), 10);
        assert!(check(fixed.as_fd(), FROZEN).unwrap_err().to_string().contains("WRITE"));
        assert!(rustix::fs::ftruncate(&fixed, 5).is_err());
        assert!(seal(&fixed, FROZEN).is_err(), "nobody adds seals");
        let frozen = create("test", 10).unwrap();
        seal(&frozen, FROZEN).unwrap();
        assert_eq!(check(frozen.as_fd(), FROZEN).unwrap(), 10);
        assert!(write_at(&frozen, 0, &[b"x"]).is_err());
    }

    #[test]
    fn what_is_no_memory_is_refused() {
        let file = tempfile::tempfile().unwrap();
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(check(file.as_fd(), FIXED).unwrap_err().is_refused());
        assert!(check(socket.as_fd(), FIXED).unwrap_err().is_refused());
    }
}
