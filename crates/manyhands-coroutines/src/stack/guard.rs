//! The guard below a stack: memory whose touch is a fault, so that an overflow cannot write into
//! somebody else's stack.

use std::io;

/// How the guards below stacks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardMethod {
    /// `MADV_GUARD_INSTALL` (Linux 6.13 and later): marks in the page tables. A slab of any number
    /// of stacks stays one memory mapping.
    Markers,
    /// `mprotect`, where the kernel does not know markers or the memory is locked (`mlockall`).
    /// Each stack takes two memory mappings, so that `vm.max_map_count` (65,530 by default) allows
    /// about 32,700 stacks.
    Protection,
}

/// Linux's `MADV_GUARD_INSTALL`, which the `libc` crate does not name yet.
const MADV_GUARD_INSTALL: libc::c_int = 102;

impl GuardMethod {
    /// Makes `bytes` from `low` on a guard. Returns the method that worked, which is
    /// [`Protection`](GuardMethod::Protection) if the kernel refused markers.
    ///
    /// # Safety
    /// The range is page-aligned, lies inside a private anonymous mapping of the caller's, and
    /// nothing in it is in use.
    pub(super) unsafe fn install(self, low: usize, bytes: usize) -> io::Result<GuardMethod> {
        let address = std::ptr::without_provenance_mut(low);
        if self == GuardMethod::Markers {
            // SAFETY: the caller owns the range and has nothing in it, so that its contents, which
            // are lost, do not matter.
            if unsafe { libc::madvise(address, bytes, MADV_GUARD_INSTALL) } == 0 {
                return Ok(GuardMethod::Markers);
            }
            let error = io::Error::last_os_error();
            // No memory for page tables: another method would not find any either. Everything else
            // (EINVAL from an older kernel or for locked memory, EPERM and ENOSYS from a sandbox)
            // means that this kernel will not do it here.
            if matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::EAGAIN)) {
                return Err(error);
            }
        }
        // SAFETY: as above; the range becomes inaccessible, and nobody uses it.
        match unsafe { libc::mprotect(address, bytes, libc::PROT_NONE) } {
            0 => Ok(GuardMethod::Protection),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
