//! The word of a mutex: who holds it, whether others wait, and where it was taken.

use std::panic::Location;
use std::ptr;

use crate::owner::Owner;
use crate::primitive::{AtomicPtr, AtomicU64, Ordering, const_unless_loom};

/// Nobody holds it, and nobody is to be woken.
pub(super) const FREE: u64 = 0;
/// Whoever releases it has to see to those who wait.
pub(super) const WAITERS: u64 = 1;
/// The word lies elsewhere: in the core.
pub(super) const MOVED: u64 = 2;

/// The word and the place, together in one cache line.
pub(crate) struct Hold {
    word: AtomicU64,
    /// Where it was taken; null while it is free, and for a moment after it was taken.
    taken_at: AtomicPtr<Location<'static>>,
}

impl Hold {
    const_unless_loom! {
        pub(super) fn new() -> Hold {
            Hold { word: AtomicU64::new(FREE), taken_at: AtomicPtr::new(ptr::null_mut()) }
        }
    }

    /// Takes it if it is free and nobody is to be woken.
    #[inline]
    pub(super) fn try_take(&self, owner: Owner, at: &'static Location<'static>) -> bool {
        let taken = self.replace(FREE, owner.word());
        if taken {
            self.note(at);
        }
        taken
    }

    /// Releases it if nobody is to be woken.
    #[inline]
    pub(super) fn try_release(&self, owner: Owner) -> bool {
        self.taken_at.store(ptr::null_mut(), Ordering::Relaxed);
        self.word.compare_exchange(owner.word(), FREE, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    pub(super) fn word(&self) -> u64 {
        self.word.load(Ordering::Acquire)
    }

    /// Exchanges the word if it is still `old`; whoever takes the lock so sees what its last holder
    /// has done.
    #[inline]
    pub(super) fn replace(&self, old: u64, new: u64) -> bool {
        self.word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Sets the word, by whoever holds the lock or the core's monitor.
    pub(super) fn set(&self, word: u64) {
        self.word.store(word, Ordering::Release);
    }

    /// Says where it was taken, by whoever has taken it.
    #[inline]
    pub(super) fn note(&self, at: &'static Location<'static>) {
        self.taken_at.store(ptr::from_ref(at).cast_mut(), Ordering::Relaxed);
    }

    pub(super) fn forget_place(&self) {
        self.taken_at.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Becomes what `other` is while its word is `word`.
    pub(super) fn copy(&self, other: &Hold, word: u64) {
        self.taken_at.store(other.taken_at.load(Ordering::Relaxed), Ordering::Relaxed);
        self.set(word);
    }

    /// Where it was taken.
    pub(super) fn taken_at(&self) -> Option<&'static Location<'static>> {
        let at = self.taken_at.load(Ordering::Relaxed);
        // SAFETY: what is stored there is null or was made of a `&'static Location`.
        unsafe { at.as_ref() }
    }
}
