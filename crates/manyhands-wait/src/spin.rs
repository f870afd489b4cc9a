//! The brief spin before a thread sleeps, bounded over the whole process.
//!
//! Putting a thread to sleep and waking it again costs 15 to 45 µs on an idle core; what a waiter
//! waits for is often ready sooner. But a machine full of spinning threads gets nothing done, so
//! no more threads spin at a time than there are cores. And where other work wants the core, giving
//! it away costs a time slice of milliseconds, after which a waiter is no nearer to its end: once
//! that has happened, nobody gives cores away for a while.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::primitive::yield_now;

/// Rounds of the processor's pause instruction. Few, because the scheduler likes to put waiter and
/// waker on one core, and there every pause delays what is waited for: with 96 of them the round
/// trip of a task took 5.1 µs instead of 2.1.
const PAUSES: u32 = 2;
/// Rounds of giving the core away, which the waker may need: about 8 µs in all if nobody does.
const YIELDS: u32 = 32;
/// A spin that has lasted this long has given the core to others, who keep it.
const SPIN_MAX: Duration = Duration::from_micros(100);
/// For how long the machine counts as crowded then. A time slice is lost once in so long.
const CROWDED: Duration = Duration::from_millis(100);

static SPINNING: AtomicUsize = AtomicUsize::new(0);
/// Until when the machine counts as crowded, in microseconds on [`clock`].
static CROWDED_UNTIL: AtomicU64 = AtomicU64::new(0);

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
    pub fn until(&self, done: impl FnMut() -> bool) -> bool {
        self.until_within(YIELDS, done)
    }

    /// Like [`until`](Self::until), giving the core away so many times at most.
    pub fn until_within(&self, yields: u32, mut done: impl FnMut() -> bool) -> bool {
        if !self.granted {
            return done();
        }
        for _ in 0..PAUSES {
            if done() {
                return true;
            }
            std::hint::spin_loop();
        }
        let start = Instant::now();
        if clock(start) < CROWDED_UNTIL.load(Ordering::Relaxed) {
            return done();
        }
        for _ in 0..yields {
            if done() {
                return true;
            }
            if start.elapsed() > SPIN_MAX {
                CROWDED_UNTIL.store(clock(Instant::now() + CROWDED), Ordering::Relaxed);
                return false;
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

/// Pauses between tries for something that others hold for some instructions only: longer and longer,
/// and soon giving the core away, which the other one may need.
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub(crate) const fn new() -> Backoff {
        Backoff { tries: 0 }
    }

    pub(crate) fn pause(&mut self) {
        /// As many rounds of pause instructions, doubled each time, before the core is given away.
        const SPINS: u32 = 5;
        if cfg!(not(manyhands_loom)) && self.tries < SPINS {
            (0..1 << self.tries).for_each(|_| std::hint::spin_loop());
            self.tries += 1;
        } else {
            yield_now();
        }
    }
}

/// Microseconds since the first call.
fn clock(at: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let since_start = at.saturating_duration_since(*START.get_or_init(|| at));
    u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX)
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_spin_ends_when_it_has_cost_too_much_and_the_next_one_gives_nothing_away() {
        // As if somebody else had the core after each round.
        let rounds = || {
            let mut rounds = 0;
            let spin = Spin { granted: true };
            let done = spin.until(|| {
                rounds += 1;
                std::thread::sleep(2 * SPIN_MAX);
                false
            });
            assert!(!done);
            rounds
        };
        let first = rounds();
        assert!(first <= PAUSES + 2, "{first} rounds");
        // Another look or two, or all of it again if this thread was away for longer than CROWDED.
        assert!(rounds() <= PAUSES + 2);
    }

    #[test]
    fn what_is_done_is_seen_at_once() {
        let mut looks = 0;
        let done = Spin { granted: true }.until(|| {
            looks += 1;
            looks == 2
        });
        assert!(done && looks == 2);
    }
}
