//! Whether the order of locks is looked at.

use std::sync::atomic::{AtomicU8, Ordering};

const OFF: u8 = 0;
const ON: u8 = 1;
/// The environment was not asked yet.
const UNKNOWN: u8 = 2;

static SWITCH: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Switches the look at the order in which locks are taken on or off for the whole process, from now on.
///
/// It is on in builds with debug assertions and off in others, unless the environment variable
/// `MANYHANDS_LOCK_ORDER` is `1` or `0` when the first lock is taken. Off, it costs each lock one relaxed
/// load. Locks that are held when it is switched on are not seen.
///
/// What is found is a [`LockOrderInversion`](crate::LockOrderInversion), in a
/// [`Report::Suspicion`](manyhands_wait::Report::Suspicion).
///
/// ```
/// use manyhands_sync::{is_lock_order_checked, set_lock_order_checks};
///
/// set_lock_order_checks(true);
/// assert!(is_lock_order_checked());
/// ```
pub fn set_lock_order_checks(on: bool) {
    let before = SWITCH.swap(if on { ON } else { OFF }, Ordering::Relaxed);
    if on && before != ON {
        // What was released meanwhile was not seen.
        super::held::forget_all();
    }
}

/// Whether the order in which locks are taken is looked at.
pub fn is_lock_order_checked() -> bool {
    match SWITCH.load(Ordering::Relaxed) {
        UNKNOWN => {
            let found = match std::env::var_os("MANYHANDS_LOCK_ORDER") {
                Some(value) if value == "0" => OFF,
                Some(value) if value == "1" => ON,
                _ if cfg!(debug_assertions) => ON,
                _ => OFF,
            };
            // Whoever has set it meanwhile was later than the environment.
            let _ = SWITCH.compare_exchange(UNKNOWN, found, Ordering::Relaxed, Ordering::Relaxed);
            SWITCH.load(Ordering::Relaxed) == ON
        }
        known => known == ON,
    }
}

/// Whether it is on, or not known yet: the one load that every lock pays. Models have no order.
#[inline]
pub(crate) fn may_be_on() -> bool {
    cfg!(not(manyhands_loom)) && SWITCH.load(Ordering::Relaxed) != OFF
}
