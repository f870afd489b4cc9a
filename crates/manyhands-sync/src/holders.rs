//! Who holds something that several may hold at a time, as far as there is room to tell.

use std::panic::Location;
use std::ptr;

use manyhands_wait::Agent;

use crate::owner::Owner;
use crate::primitive::{AtomicPtr, AtomicU64, Ordering};

/// How many holders are told apart.
pub(crate) const SEATS: usize = 8;

/// A seat for each holder that is known, and where it took what it holds. Who sits where is decided
/// elsewhere: whoever has been given a seat writes to it, and nobody else does until it is given away
/// again.
pub(crate) struct Holders {
    seats: [Seat; SEATS],
}

struct Seat {
    /// The [`Owner`], 0 while the seat is empty, and for a moment after it was given to somebody.
    owner: AtomicU64,
    taken_at: AtomicPtr<Location<'static>>,
}

impl Holders {
    pub(crate) fn new() -> Holders {
        Holders { seats: std::array::from_fn(|_| Seat::new()) }
    }

    /// Whoever has been given the seat is told.
    pub(crate) fn sit(&self, seat: usize, owner: Owner, at: &'static Location<'static>) {
        self.seats[seat].owner.store(owner.word(), Ordering::Relaxed);
        self.seats[seat].taken_at.store(ptr::from_ref(at).cast_mut(), Ordering::Relaxed);
    }

    /// The seat is empty again; to be called before it is given away.
    pub(crate) fn rise(&self, seat: usize) {
        self.seats[seat].taken_at.store(ptr::null_mut(), Ordering::Relaxed);
        self.seats[seat].owner.store(0, Ordering::Relaxed);
    }

    /// Who sits there, if it is known, and where that one took it.
    pub(crate) fn look(&self, seat: usize) -> Option<(Agent, Option<&'static Location<'static>>)> {
        let owner = Owner::of_word(self.seats[seat].owner.load(Ordering::Relaxed))?;
        let at = self.seats[seat].taken_at.load(Ordering::Relaxed);
        // SAFETY: what is stored there is null or was made of a `&'static Location`.
        Some((owner.agent()?, unsafe { at.as_ref() }))
    }
}

impl Seat {
    fn new() -> Seat {
        Seat { owner: AtomicU64::new(0), taken_at: AtomicPtr::new(ptr::null_mut()) }
    }
}
