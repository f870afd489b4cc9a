//! What a hub shows of its progress, and the numbers by which the watchdog compares two looks.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::question::Question;
use super::watcher;

/// Written by the hub's thread alone: at a switch by one plain store, at the begin of a turn by one
/// exchange.
#[derive(Default)]
pub(crate) struct Pulse {
    /// Odd while the hub is in a turn.
    turn: AtomicU32,
    /// Coroutines gone on with in this turn.
    made: AtomicU32,
    pub(super) question: Question,
}

/// How far a hub is. The same twice, in a turn: the same coroutine has run all the while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    turn: u32,
    made: u32,
    /// Jobs ended. One begun by a coroutine that waits for it runs on top of that one, which goes on
    /// after its end without a switch of the hub.
    ended: u64,
}

impl Progress {
    pub(super) fn is_in_turn(self) -> bool {
        self.turn % 2 == 1
    }

    /// A hub in a turn, for the tests of the arithmetic.
    #[cfg(test)]
    pub(super) fn in_turn(made: u32) -> Progress {
        Progress { turn: 1, made, ended: 0 }
    }
}

impl Pulse {
    /// A turn begins.
    #[inline]
    pub(crate) fn begin_turn(&self) {
        let turn = self.turn.load(Relaxed).wrapping_add(1) | 1;
        // Against `Pulse::progress` after the watchdog has said that it sleeps: either this sees
        // that, or the watchdog sees the turn.
        self.turn.swap(turn, SeqCst);
        watcher::wake_if_asleep();
    }

    /// The turn has ended.
    #[inline]
    pub(crate) fn end_turn(&self) {
        self.turn.store(self.turn.load(Relaxed).wrapping_add(1) & !1, Relaxed);
    }

    /// How many coroutines were gone on with in this turn.
    #[inline(always)]
    pub(crate) fn made(&self) -> u32 {
        self.made.load(Relaxed)
    }

    /// Says how many.
    #[inline(always)]
    pub(crate) fn set_made(&self, made: u32) {
        self.made.store(made, Relaxed);
    }

    pub(crate) fn progress(&self, ended: u64) -> Progress {
        Progress { turn: self.turn.load(SeqCst), made: self.made(), ended }
    }
}

#[cfg(test)]
mod tests {
    use super::Pulse;

    #[test]
    fn turns_and_switches_change_the_progress() {
        let pulse = Pulse::default();
        assert!(!pulse.progress(0).is_in_turn());
        pulse.begin_turn();
        let first = pulse.progress(0);
        assert!(first.is_in_turn());
        assert_eq!(first, pulse.progress(0));
        pulse.set_made(1);
        assert_ne!(first, pulse.progress(0));
        assert_ne!(pulse.progress(0), pulse.progress(1));
        pulse.end_turn();
        assert!(!pulse.progress(0).is_in_turn());
        pulse.begin_turn();
        pulse.set_made(0);
        assert_ne!(first, pulse.progress(0), "another turn");
    }
}
