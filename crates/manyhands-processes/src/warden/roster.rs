//! Which programs end with this process: a table in memory that another process can read when this
//! one is gone.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use crate::memory::mapping::Mapping;
use crate::memory::{MemoryError, memfd};

/// What a number on the roster stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A process group.
    Group,
    /// One process, in a group that is not its own.
    Process,
}

/// One bit for each number that a process can have and for each [`Kind`], so there is always room,
/// and no two programs want the same place. Of the memory only the pages with a one are there.
#[derive(Debug)]
pub(crate) struct Roster {
    mapping: Mapping,
    fd: OwnedFd,
}

/// Linux gives no larger numbers, whatever `kernel.pid_max` says.
const NUMBERS: usize = 1 << 22;
const KIND_BYTES: usize = NUMBERS / 8;
const BYTES: usize = 2 * KIND_BYTES;

impl Kind {
    /// Where its bits begin, in bytes.
    fn offset(self) -> usize {
        match self {
            Kind::Group => 0,
            Kind::Process => KIND_BYTES,
        }
    }
}

impl Roster {
    /// An empty one.
    ///
    /// # Errors
    /// If there is no memory or no descriptor for it.
    pub(super) fn create() -> Result<Roster, MemoryError> {
        let fd = memfd::create_fixed("manyhands-roster", BYTES)?;
        Ok(Roster { mapping: Mapping::map(&fd, BYTES)?, fd })
    }

    /// By which another process reads it.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Puts a number on it. A plain write to memory, so that also a child may do it that shares ours.
    pub(crate) fn enter(&self, kind: Kind, number: i32) {
        if let Some((word, bit)) = self.place(kind, number) {
            word.fetch_or(bit, Ordering::SeqCst);
        }
    }

    /// Takes a number off it. To be called before the process of that number is reaped: afterwards it
    /// may be another's.
    pub(crate) fn leave(&self, kind: Kind, number: i32) {
        if let Some((word, bit)) = self.place(kind, number) {
            word.fetch_and(!bit, Ordering::SeqCst);
        }
    }

    /// 0 and 1 have no place: as groups, they would mean the own one and everybody.
    fn place(&self, kind: Kind, number: i32) -> Option<(&AtomicU64, u64)> {
        let number = usize::try_from(number).ok().filter(|number| (2..NUMBERS).contains(number))?;
        let word = self.mapping.atomic(kind.offset() + number / 64 * 8)?;
        Some((word, 1 << (number % 64)))
    }
}

/// Everything on the roster behind this descriptor.
///
/// # Errors
/// If it cannot be read.
pub(super) fn entries(roster: &OwnedFd) -> io::Result<Vec<(Kind, i32)>> {
    let mut found = Vec::new();
    let mut page = [0; 4096];
    for kind in [Kind::Group, Kind::Process] {
        for start in (0..KIND_BYTES).step_by(page.len()) {
            // Reading makes no pages where none are, other than looking at mapped memory.
            read_exactly_at(roster, &mut page, kind.offset() + start)?;
            let words = page.chunks_exact(8).enumerate().filter(|(_, word)| **word != [0; 8]);
            for (index, word) in words {
                let word = u64::from_ne_bytes(word.try_into().unwrap_or_default());
                let first = (start + index * 8) * 8;
                let set = (0..64).filter(|bit| word & (1 << bit) != 0);
                found.extend(set.map(|bit| (kind, (first + bit) as i32)));
            }
        }
    }
    Ok(found)
}

fn read_exactly_at(file: impl AsFd, mut buffer: &mut [u8], mut offset: usize) -> io::Result<()> {
    while !buffer.is_empty() {
        match rustix::io::pread(&file, &mut *buffer, offset as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                buffer = &mut buffer[length..];
                offset += length;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_is_there_until_it_leaves() {
        let roster = Roster::create().unwrap();
        assert_eq!(entries(roster.fd()).unwrap(), []);
        let all = [
            (Kind::Group, 2),
            (Kind::Group, 63),
            (Kind::Group, 64),
            (Kind::Group, 32_768),
            (Kind::Group, NUMBERS as i32 - 1),
            (Kind::Process, 2),
            (Kind::Process, NUMBERS as i32 - 1),
        ];
        for (kind, number) in all {
            roster.enter(kind, number);
            roster.enter(kind, number);
        }
        assert_eq!(entries(roster.fd()).unwrap(), all);
        for (kind, number) in all {
            roster.leave(kind, number);
        }
        assert_eq!(entries(roster.fd()).unwrap(), []);
    }

    #[test]
    fn numbers_that_mean_others_have_no_place() {
        let roster = Roster::create().unwrap();
        for number in [i32::MIN, -1, 0, 1, NUMBERS as i32, i32::MAX] {
            roster.enter(Kind::Group, number);
            roster.enter(Kind::Process, number);
            roster.leave(Kind::Group, number);
        }
        assert_eq!(entries(roster.fd()).unwrap(), []);
    }

    #[test]
    fn only_what_is_used_takes_memory() {
        let roster = Roster::create().unwrap();
        roster.enter(Kind::Group, 4_000_000);
        entries(roster.fd()).unwrap();
        assert!(rustix::fs::fstat(roster.fd()).unwrap().st_blocks * 512 <= 64 * 1024);
    }
}
