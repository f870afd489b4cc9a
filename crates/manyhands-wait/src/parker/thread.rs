//! The parker that every thread has: a word, a brief spin, then the operating system.
//!
//! ```text
//!            park: nobody woke us           unpark
//!   EMPTY ───────────────────────▶ PARKED ─────────▶ NOTIFIED (and wake the sleeper)
//!     ▲  └────────── unpark ─────────────────────────▶ NOTIFIED
//!     └───────────── park takes the token ◀───────────────┘
//! ```
//!
//! One token, like `std::thread::park`, but a word of our own: std's token belongs to the user's
//! code, and taking it away would lose a wake-up of theirs.

use std::time::Instant;

use super::block::Block;
use crate::primitive::{AtomicU32, Ordering};
use crate::spin::Spin;

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// One thread's place to sleep. Only that thread parks; anybody may unpark.
pub struct ThreadParker {
    state: AtomicU32,
    block: Block,
}

impl ThreadParker {
    /// A parker without a token.
    #[allow(clippy::new_without_default, reason = "a parker is made once per thread, on purpose")]
    pub fn new() -> ThreadParker {
        ThreadParker { state: AtomicU32::new(EMPTY), block: Block::new() }
    }

    /// Sleeps until [`unpark`](Self::unpark), until `until`, or spuriously. Spins for a few
    /// microseconds first, because going to sleep and being woken costs more than that.
    pub fn park(&self, until: Option<Instant>) {
        if !self.spin() {
            self.park_at_once(until);
        }
    }

    /// The first part of [`park`](Self::park): spins for a few microseconds. True if it was woken, and has
    /// taken the token; otherwise [`park_at_once`](Self::park_at_once) is the rest.
    pub fn spin(&self) -> bool {
        Spin::start().until(|| self.take_token())
    }

    /// Like [`park`](Self::park), without spinning: for those who have done that already.
    pub fn park_at_once(&self, until: Option<Instant>) {
        if self.state.compare_exchange(EMPTY, PARKED, Ordering::Acquire, Ordering::Acquire).is_ok()
        {
            self.block.wait(&self.state, PARKED, until);
        }
        // Acquire pairs with the Release in `unpark`: what the waker did before is seen after.
        self.state.swap(EMPTY, Ordering::Acquire);
    }

    /// Ends the current or the next [`park`](Self::park).
    pub fn unpark(&self) {
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            self.block.wake(&self.state);
        }
    }

    fn take_token(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED
            && self
                .state
                .compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }
}

impl std::fmt::Debug for ThreadParker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match self.state.load(Ordering::Relaxed) {
            EMPTY => "awake",
            PARKED => "parked",
            _ => "notified",
        };
        f.debug_struct("ThreadParker").field("state", &state).finish()
    }
}

#[cfg(not(manyhands_loom))]
impl std::task::Wake for ThreadParker {
    fn wake(self: std::sync::Arc<Self>) {
        self.unpark();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        self.unpark();
    }
}
