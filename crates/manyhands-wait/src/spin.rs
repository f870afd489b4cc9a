//! The brief spin before a thread sleeps, bounded over the whole process.
//!
//! Putting a thread to sleep and waking it again costs 15 to 45 µs on an idle core; what a waiter
//! waits for is often ready sooner. But a machine full of spinning threads gets nothing done, so
//! no more threads spin at a time than there are cores.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rounds of the processor's pause instruction. Few, because the scheduler likes to put waiter and
/// waker on one core, and there every pause delays what is waited for: with 96 of them the round
/// trip of a task took 5.1 µs instead of 2.1.
const PAUSES: u32 = 2;
/// Rounds of giving the core away, which the waker may need: about 8 µs in all if nobody does.
const YIELDS: u32 = 32;

static SPINNING: AtomicUsize = AtomicUsize::new(0);

/// The right to spin once, given back on drop.
pub struct Spin {
    granted: bool,
}

impl Spin {
    /// Asks for the right to spin; without it [`until`](Self::until) looks just once.
    pub fn start() -> Spin {
        if cfg!(manyhands_loom) {
            return Spin { granted: false };
        }
        let granted = SPINNING.fetch_add(1, Ordering::Relaxed) < cores();
        if !granted {
            SPINNING.fetch_sub(1, Ordering::Relaxed);
        }
        Spin { granted }
    }

    /// Calls `done` until it says yes or the spin is over; returns what it said last.
    pub fn until(&self, mut done: impl FnMut() -> bool) -> bool {
        if !self.granted {
            return done();
        }
        for _ in 0..PAUSES {
            if done() {
                return true;
            }
            std::hint::spin_loop();
        }
        for _ in 0..YIELDS {
            if done() {
                return true;
            }
            std::thread::yield_now();
        }
        done()
    }
}

impl Drop for Spin {
    fn drop(&mut self) {
        if self.granted {
            SPINNING.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}
