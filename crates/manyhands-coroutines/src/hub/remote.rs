//! The side of a hub that other threads see: what they leave there, and how they wake it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::task::Waker;

use crossbeam_utils::CachePadded;

use super::body::Seat;
use super::token::Inbox;
use crate::primitive::{AtomicBool, Mutex, Ordering, lock};
use crate::watchdog::{Progress, Pulse};

pub(crate) struct Remote {
    /// Coroutines of this hub that were woken by other threads.
    pub(super) inbox: Inbox<Seat>,
    /// Whether the hub was told to look, and has not begun to.
    woken: AtomicBool,
    waker: Mutex<Option<Waker>>,
    counts: Counts,
    /// Apart from what other threads write.
    pulse: CachePadded<Pulse>,
}

/// What the hub has done; written by its thread alone.
#[derive(Default)]
struct Counts {
    started: AtomicU64,
    finished: AtomicU64,
    switches: AtomicU64,
}

/// Adds to a number that only this thread writes.
fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Relaxed) + more, Release);
}

impl Remote {
    pub(super) fn new() -> Remote {
        Remote {
            inbox: Inbox::new(),
            woken: AtomicBool::new(false),
            waker: Mutex::new(None),
            counts: Counts::default(),
            pulse: CachePadded::default(),
        }
    }

    /// What the watchdog looks at.
    #[inline(always)]
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// How far the hub is, for the watchdog.
    pub(crate) fn progress(&self) -> Progress {
        self.pulse.progress(self.finished())
    }

    pub(super) fn count_start(&self) {
        add(&self.counts.started, 1);
    }

    pub(super) fn count_end(&self) {
        add(&self.counts.finished, 1);
    }

    pub(super) fn count_switches(&self, made: u32) {
        add(&self.counts.switches, made.into());
    }

    /// Jobs begun so far.
    pub(crate) fn started(&self) -> u64 {
        self.counts.started.load(Acquire)
    }

    /// Jobs ended so far.
    pub(crate) fn finished(&self) -> u64 {
        self.counts.finished.load(Acquire)
    }

    /// Switches made so far, but those of the turn under way.
    pub(crate) fn switches(&self) -> u64 {
        self.counts.switches.load(Acquire)
    }

    /// Has the hub look at its queues.
    pub(crate) fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            let waker = lock(&self.waker).clone();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Like [`wake`](Self::wake), on the hub's own thread, without an atomic read-modify-write if it
    /// was told already: only this thread takes that back.
    #[inline]
    pub(super) fn wake_here(&self) {
        if !self.woken.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    /// The hub begins to look: what is put into the queues from now on wakes it again.
    pub(super) fn begin(&self, waker: &Waker) {
        let mut own = lock(&self.waker);
        if !own.as_ref().is_some_and(|own| own.will_wake(waker)) {
            *own = Some(waker.clone());
        }
        drop(own);
        self.woken.swap(false, Ordering::AcqRel);
    }
}
