//! When a waiter is handed a lock, instead of being woken to try for it.

use std::time::Duration;

/// A waiter that has waited for so long is handed the lock, so that nobody is quicker.
const PATIENCE: Duration = Duration::from_micros(500);
/// A waiter that was woken so many times and found the lock taken is handed it too.
const TRIES: u32 = 2;

/// Whether a waiter that has waited for so long, and was woken in vain so often, is to be handed the lock.
pub(crate) fn is_over(waited: Duration, tries: u32) -> bool {
    if cfg!(manyhands_loom) {
        // A model takes the same steps each time, whatever a clock says.
        return tries >= 1;
    }
    tries >= TRIES || waited >= PATIENCE
}
