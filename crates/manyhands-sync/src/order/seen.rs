//! Pairs of classes that are known already, so that nested locking that was seen before stays cheap.
//!
//! Known is known for everybody, so the contexts share one table: it is only read once a program has
//! taken its locks in every way it does. It forgets, where pairs meet at one place; what is asked for
//! again then is the order itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::class::ClassId;

/// A power of two.
const PAIRS: usize = 4096;

pub(super) struct Seen([AtomicU64; PAIRS]);

pub(super) static SEEN: Seen = Seen([const { AtomicU64::new(0) }; PAIRS]);

impl Seen {
    #[inline]
    pub(super) fn contains(&self, held: ClassId, taken: ClassId) -> bool {
        let (pair, place) = locate(held, taken);
        [place, place ^ 1].iter().any(|&place| self.0[place].load(Ordering::Relaxed) == pair)
    }

    pub(super) fn insert(&self, held: ClassId, taken: ClassId) {
        let (pair, place) = locate(held, taken);
        let is_empty = |place: usize| self.0[place].load(Ordering::Relaxed) == 0;
        let place = if !is_empty(place) && is_empty(place ^ 1) { place ^ 1 } else { place };
        self.0[place].store(pair, Ordering::Relaxed);
    }
}

/// The pair as one number, which is not 0, and its place.
fn locate(held: ClassId, taken: ClassId) -> (u64, usize) {
    let pair = u64::from(held.number()) << 32 | u64::from(taken.number());
    let mixed = pair.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (pair, (mixed >> (u64::BITS - PAIRS.trailing_zeros())) as usize)
}
