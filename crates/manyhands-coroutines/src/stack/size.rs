//! How large a stack is.

use std::fmt;
use std::sync::OnceLock;

/// The size of a stack without its guard, in bytes: a multiple of the page size, at least
/// [`MIN`](StackSize::MIN).
///
/// Only what is touched is committed, so a generous size costs addresses and not memory. What
/// usual work takes on x86-64, debug and release: `println!` 1.0 and 0.4 KiB, a TCP operation 1.9
/// and 0.6, sorting 18.5 and 6.5, resolving a name 13 and 12, a panic with the standard hook 23 and
/// 22 KiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackSize(usize);

impl StackSize {
    /// 256 KiB.
    pub const DEFAULT: StackSize = StackSize(256 * 1024);

    /// 64 KiB. On less than 23 KiB not even a panic can be reported, and a stack has to hold the
    /// frames below that too.
    pub const MIN: StackSize = StackSize(64 * 1024);

    /// `bytes` rounded up to whole pages, and to [`MIN`](StackSize::MIN) if it is less.
    pub fn from_bytes(bytes: usize) -> StackSize {
        let page = page_bytes();
        StackSize(bytes.max(StackSize::MIN.0).div_ceil(page).saturating_mul(page))
    }

    /// The size in bytes.
    #[inline]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for StackSize {
    fn default() -> StackSize {
        StackSize::DEFAULT
    }
}

/// In KiB, or MiB where it is a whole number of those.
impl fmt::Display for StackSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: usize = 1024 * 1024;
        if self.0.is_multiple_of(MIB) {
            write!(f, "{} MiB", self.0 / MIB)
        } else {
            write!(f, "{} KiB", self.0 / 1024)
        }
    }
}

impl fmt::Debug for StackSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StackSize({self})")
    }
}

/// The size of a page of memory.
pub(crate) fn page_bytes() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        // SAFETY: `sysconf` reads a constant of the system and takes no pointer.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(bytes).expect("every Unix has a page size")
    })
}

#[cfg(test)]
mod tests {
    use super::{StackSize, page_bytes};

    #[test]
    fn sizes_are_whole_pages_and_large_enough_for_a_panic() {
        assert_eq!(StackSize::from_bytes(0), StackSize::MIN);
        assert_eq!(StackSize::from_bytes(StackSize::MIN.bytes()), StackSize::MIN);
        let odd = StackSize::from_bytes(100_001).bytes();
        assert!((100_001..100_001 + page_bytes()).contains(&odd));
        assert_eq!(odd % page_bytes(), 0);
        assert_eq!(StackSize::default().bytes() % page_bytes(), 0);
        assert_eq!(
            StackSize::from_bytes(usize::MAX).bytes(),
            usize::MAX,
            "refused when it is made"
        );
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(StackSize::DEFAULT.to_string(), "256 KiB");
        assert_eq!(StackSize::from_bytes(8 * 1024 * 1024).to_string(), "8 MiB");
    }
}
