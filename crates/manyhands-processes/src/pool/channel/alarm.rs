//! Who sleeps, and how they are woken: the sleeper says so in shared memory, looks once more, and
//! sleeps; who has news for them looks after publishing them. With a fence on both sides at least
//! one sees the other.

use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::time::Duration;

use rustix::thread::futex;

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;

/// One side's word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alarm<'a> {
    word: &'a AtomicU32,
}

impl Alarm<'_> {
    pub(super) fn new(word: &AtomicU32) -> Alarm<'_> {
        Alarm { word }
    }

    /// Says that this side is about to sleep. Whatever was published before this is seen by a look
    /// that comes after it; for what comes later there is a bell.
    pub(crate) fn set(&self) {
        self.word.store(ASLEEP, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Says that this side is awake.
    pub(crate) fn clear(&self) {
        self.word.store(AWAKE, Ordering::Relaxed);
    }

    /// Whether the other side sleeps, and nobody else has taken it upon himself to wake it. Comes
    /// after what it shall see was published.
    pub(crate) fn take(&self) -> bool {
        fence(Ordering::SeqCst);
        self.word.load(Ordering::Relaxed) != AWAKE
            && self.word.swap(AWAKE, Ordering::AcqRel) != AWAKE
    }

    /// Sleeps while the word says so. May return early.
    pub(crate) fn sleep(&self) {
        // Shared between processes, so not private. Whatever it returns, the caller looks again.
        let _woken_or_too_late = futex::wait(self.word, futex::Flags::empty(), ASLEEP, None);
    }

    /// Like [`sleep`](Self::sleep), for at most `limit`.
    pub(crate) fn sleep_timeout(&self, limit: Duration) {
        let limit = futex::Timespec::try_from(limit).ok();
        let _woken_or_too_late =
            futex::wait(self.word, futex::Flags::empty(), ASLEEP, limit.as_ref());
    }

    /// Wakes the side that sleeps on this word.
    pub(crate) fn wake(&self) {
        let _nobody_there = futex::wake(self.word, futex::Flags::empty(), 1);
    }
}
