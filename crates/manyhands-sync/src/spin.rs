//! The moment for which a thread looks at a lock, before it queues up.
//!
//! A holder on another core is done soon, and goes on at full speed as long as nobody has queued up.

use manyhands_wait::{Spin, has_scoped_parker};

/// Rounds of the pause instruction, each twice as long as the one before. Not fewer and longer: two that
/// share a core have nothing of it. Not more and shorter: each look takes the word away from the holder.
const PAUSES: u32 = 3;
/// Rounds of giving the core away after these, within the bounds of all spinning of the process.
const YIELDS: u32 = 7;

/// Calls `is_over` now and then until it says so, for a few microseconds at most. Not at all in a
/// coroutine, which shares its thread with whoever holds the lock more often than not.
pub(crate) fn spin_until(mut is_over: impl FnMut() -> bool) {
    if cfg!(manyhands_loom) || has_scoped_parker() {
        return;
    }
    for round in 0..PAUSES {
        (0..2 << round).for_each(|_| std::hint::spin_loop());
        if is_over() {
            return;
        }
    }
    Spin::start().until_within(YIELDS, is_over);
}
