//! The word of a read-write lock: a writer, or which seats of readers are taken and how many readers have
//! none.

use crate::holders::SEATS;

/// Nobody holds it, and nobody is to be woken.
pub(super) const FREE: u64 = 0;
/// Whoever releases it has to see to those who wait, and whoever comes queues up behind them.
pub(super) const WAITERS: u64 = 1;
/// Somebody holds it to write.
pub(super) const WRITER: u64 = 2;

const SEATS_SHIFT: u32 = 8;
const SEATS_MASK: u64 = ((1 << SEATS) - 1) << SEATS_SHIFT;
const STANDING_SHIFT: u32 = 32;

/// How a reader is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the seat of this number, so that it is known who it is.
    Seat(u8),
    /// Among those without a seat.
    Standing,
}

impl Place {
    /// A place for one more reader; one without a seat for whoever is not known.
    pub(super) fn find(word: u64, is_known: bool) -> Place {
        let empty = !word & SEATS_MASK;
        match is_known && empty != 0 {
            true => Place::Seat((empty.trailing_zeros() - SEATS_SHIFT) as u8),
            false => Place::Standing,
        }
    }

    /// What the word has more while the place is taken.
    pub(super) fn unit(self) -> u64 {
        match self {
            Place::Seat(seat) => 1 << (SEATS_SHIFT + u32::from(seat)),
            Place::Standing => 1 << STANDING_SHIFT,
        }
    }
}

/// Whether somebody reads.
pub(super) fn has_readers(word: u64) -> bool {
    word & !(WAITERS | WRITER) != 0
}

/// Whether nobody reads or writes.
pub(super) fn is_free(word: u64) -> bool {
    word & !WAITERS == 0
}

/// The seats that are taken.
pub(super) fn seats(word: u64) -> impl Iterator<Item = usize> {
    (0..SEATS).filter(move |seat| word & (1 << (SEATS_SHIFT as usize + seat)) != 0)
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    #[test]
    fn known_readers_sit_while_there_are_seats() {
        let mut word = FREE;
        for expected in 0..SEATS {
            assert_eq!(Place::find(word, false), Place::Standing);
            let place = Place::find(word, true);
            assert_eq!(place, Place::Seat(expected as u8));
            word += place.unit();
        }
        let standing = Place::find(word, true);
        assert_eq!(standing, Place::Standing);
        word += standing.unit();
        assert_eq!(seats(word).collect::<Vec<_>>(), (0..SEATS).collect::<Vec<_>>());
        word -= Place::Seat(3).unit();
        assert_eq!(Place::find(word, true), Place::Seat(3));
        assert!(has_readers(word) && !is_free(word) && is_free(WAITERS) && !has_readers(WRITER));
    }
}
