//! Why there is no stack: which limit was hit, and what to do about it.

use std::fmt;
use std::io;

use super::guard::GuardMethod;
use super::size::StackSize;

/// The system gave no memory for a stack.
#[derive(Debug)]
pub struct StackError {
    size: StackSize,
    kind: StackErrorKind,
    /// What was found, and what to do.
    why: String,
    source: Option<io::Error>,
}

/// Which limit was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackErrorKind {
    /// `vm.max_map_count`: the number of memory mappings of the process. Stacks take two each where
    /// the kernel is older than 6.13.
    Mappings,
    /// `RLIMIT_AS` (`ulimit -v`) or `RLIMIT_DATA` (`ulimit -d`).
    AddressSpace,
    /// Neither of these: the memory itself, or what the overcommit policy allows.
    Memory,
    /// No address space is large enough for a stack of this size.
    TooLarge,
    /// Another error of the system.
    Other,
}

impl StackError {
    /// Which limit was hit.
    pub fn kind(&self) -> StackErrorKind {
        self.kind
    }

    pub(super) fn too_large(size: StackSize) -> StackError {
        let why = "no address space holds it; ask for a smaller one".to_owned();
        StackError { size, kind: StackErrorKind::TooLarge, why, source: None }
    }

    /// Finds out which limit made `error`.
    #[cold]
    pub(super) fn new(size: StackSize, method: GuardMethod, error: io::Error) -> StackError {
        let (kind, why) = if error.raw_os_error() != Some(libc::ENOMEM) {
            (StackErrorKind::Other, error.to_string())
        } else if let Some(why) = mappings(method) {
            (StackErrorKind::Mappings, why)
        } else if let Some(why) = address_space(size) {
            (StackErrorKind::AddressSpace, why)
        } else {
            let why = "the system is out of memory, or its overcommit policy \
                       (vm.overcommit_memory) allows no more; use fewer or smaller stacks";
            (StackErrorKind::Memory, why.to_owned())
        };
        StackError { size, kind, why, source: Some(error) }
    }
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot make a stack of {}: {}", self.size, self.why)
    }
}

impl std::error::Error for StackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as &(dyn std::error::Error + 'static))
    }
}

/// Whether the process has as many mappings as it may have.
fn mappings(method: GuardMethod) -> Option<String> {
    let max = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?;
    let max: usize = max.trim().parse().ok()?;
    let maps = std::fs::read("/proc/self/maps").ok()?;
    let now = maps.iter().filter(|byte| **byte == b'\n').count();
    // Splitting one mapping for a guard needs two more.
    if now + 2 < max {
        return None;
    }
    let why = match method {
        GuardMethod::Protection => {
            " (each stack takes two here, because the kernel has no MADV_GUARD_INSTALL: \
             that needs Linux 6.13, and memory that is not locked)"
        }
        GuardMethod::Markers => "",
    };
    let more = max.saturating_mul(4);
    Some(format!(
        "the process has {now} memory mappings, and vm.max_map_count allows {max}{why}; \
         raise it with `sysctl -w vm.max_map_count={more}`, or use fewer coroutines at a time"
    ))
}

/// Whether one more stack would go over a resource limit of the process.
fn address_space(size: StackSize) -> Option<String> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = statm.split_whitespace().map(|field| field.parse::<u64>().ok());
    let page = super::size::page_bytes() as u64;
    let total = pages.next()??.saturating_mul(page);
    let data = pages.nth(4)??.saturating_mul(page);
    let wanted = (size.bytes() as u64).saturating_add(super::slab::GUARD_BYTES as u64);
    let limits = [
        (libc::RLIMIT_AS, total, "addresses", "RLIMIT_AS", "ulimit -v"),
        (libc::RLIMIT_DATA, data, "data", "RLIMIT_DATA", "ulimit -d"),
    ];
    limits.into_iter().find_map(|(resource, used, of_what, name, command)| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a place for the answer.
        if unsafe { libc::getrlimit(resource, &mut limit) } != 0 {
            return None;
        }
        let over =
            limit.rlim_cur != libc::RLIM_INFINITY && used.saturating_add(wanted) > limit.rlim_cur;
        over.then(|| {
            format!(
                "the process has {} MiB of {of_what}, and {name} allows {} MiB; raise it \
                 (`{command}`), or use fewer or smaller stacks",
                used >> 20,
                limit.rlim_cur >> 20
            )
        })
    })
}
