//! The word of a short lock: who has it, and to whom it is favoured.

use super::fence;
use crate::primitive::{AtomicBool, AtomicU32, AtomicUsize, Ordering, const_unless_loom, spin};

const FREE: usize = 0;
/// Beside a thread's number: nobody has it but perhaps that thread, which says so in `inside`.
const FAVOURED: usize = 1;

/// After so many turns that coroutines of one thread have let each other go on, the lock is favoured
/// to it. What the first other thread costs is worth some hundreds of turns.
const TURNS: u32 = 64;

/// The lock without what it guards.
pub struct Word {
    /// [`FREE`], the thread that has it, or the thread to whom it is favoured, with [`FAVOURED`].
    holder: AtomicUsize,
    /// To whom it was favoured, once for all; 0 before.
    favourite: AtomicUsize,
    /// Turns that coroutines of one thread have made. A hint: it may miss some.
    turns: AtomicU32,
    /// Whether the favourite has it, or is about to look whether it may. Written by that one alone.
    inside: AtomicBool,
}

/// How the lock was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By an exchange of the word.
    Exchanged,
    /// By the favourite.
    Favoured,
}

impl Word {
    const_unless_loom! {
        /// Of an open lock.
        pub fn new() -> Word {
            Word {
                holder: AtomicUsize::new(FREE),
                favourite: AtomicUsize::new(0),
                turns: AtomicU32::new(0),
                inside: AtomicBool::new(false),
            }
        }
    }

    /// Takes the lock if nobody has it and it is favoured to nobody else. `may_be_favoured` says whether
    /// it may be favoured to `me`.
    #[inline]
    pub fn try_take(&self, me: usize, may_be_favoured: bool) -> Option<How> {
        if may_be_favoured && self.try_take_as_favourite(me) {
            return Some(How::Favoured);
        }
        // Acquire pairs with the Release of `give_back`.
        let taken = self.holder.compare_exchange(FREE, me, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then_some(How::Exchanged)
    }

    #[inline]
    fn try_take_as_favourite(&self, me: usize) -> bool {
        let mine = me | FAVOURED;
        // Acquire: a thread that has ended had the same number, and has left here.
        if self.holder.load(Ordering::Relaxed) != mine || self.inside.load(Ordering::Acquire) {
            return false;
        }
        self.inside.store(true, Ordering::Relaxed);
        // Either whoever takes it away sees the store above, or we see that it is not ours any more.
        fence::light();
        let is_mine = self.holder.load(Ordering::Relaxed) == mine;
        if !is_mine {
            self.inside.store(false, Ordering::Release);
        }
        is_mine
    }

    /// Releases the lock.
    #[inline]
    pub fn give_back(&self, how: How) {
        match how {
            How::Exchanged => self.holder.store(FREE, Ordering::Release),
            How::Favoured => self.inside.store(false, Ordering::Release),
        }
    }

    /// Waits for the lock.
    ///
    /// # Panics
    /// If `me` has it already.
    #[cold]
    pub fn take_slowly(&self, me: usize) -> How {
        let is_inside =
            self.favourite.load(Ordering::Relaxed) == me && self.inside.load(Ordering::Relaxed);
        assert!(
            self.holder.load(Ordering::Relaxed) != me && !is_inside,
            "a queue or lock was used from inside of its own critical section: a comparison of a \
             PriorityQueue, or the clone of a waker, must neither use what it is called from nor wait"
        );
        for round in 0.. {
            // Looked at first, because an attempt takes the word away from its holder.
            let seen = self.holder.load(Ordering::Relaxed);
            let taken = match seen {
                FREE => self.try_take(me, false),
                _ => self.take_away(seen, me),
            };
            if let Some(how) = taken {
                return how;
            }
            spin(round);
        }
        unreachable!("it is tried again until it is taken")
    }

    /// Takes the lock if it is favoured to somebody who does not use it now.
    #[cold]
    pub fn try_take_away(&self, me: usize) -> Option<How> {
        if self.inside.load(Ordering::Relaxed) {
            return None;
        }
        self.take_away(self.holder.load(Ordering::Relaxed), me)
    }

    /// Takes the lock if this is the word of one that is favoured, and the favour with it.
    #[cold]
    fn take_away(&self, seen: usize, me: usize) -> Option<How> {
        if seen & FAVOURED == 0 {
            return None;
        }
        self.holder.compare_exchange(seen, me, Ordering::Acquire, Ordering::Relaxed).ok()?;
        fence::heavy();
        // It is ours, but for what its favourite has begun before. That is over soon; acquire, to see
        // what was done there.
        for round in 0.. {
            if !self.inside.load(Ordering::Acquire) {
                break;
            }
            spin(round);
        }
        Some(How::Exchanged)
    }

    /// Whether it is worth to call [`favour`](Self::favour).
    #[inline]
    pub fn is_open_to_favour(&self) -> bool {
        self.favourite.load(Ordering::Relaxed) == 0
    }

    /// Counts one turn, and favours the lock to `me` if that is enough; true if it is that one's now.
    #[cold]
    pub fn favour(&self, me: usize) -> bool {
        let turns = self.turns.load(Ordering::Relaxed) + 1;
        self.turns.store(turns.min(TURNS), Ordering::Relaxed);
        turns >= TURNS && fence::is_ready() && self.favour_now(me)
    }

    #[cfg(all(test, not(manyhands_loom)))]
    pub(super) fn is_favoured_to(&self, thread: usize) -> bool {
        self.holder.load(Ordering::Relaxed) == thread | FAVOURED
    }

    /// Favours the lock to `me` if it was never favoured to anybody and is free.
    pub fn favour_now(&self, me: usize) -> bool {
        // Once in its life: `inside` has one writer then, whatever that one still has to write after
        // the lock was taken away. Whoever finds the lock taken has had the chance, too.
        self.favourite.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && self
                .holder
                .compare_exchange(FREE, me | FAVOURED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }
}
