//! Waiting for a condition, for as long as a loaded machine may need.

use std::time::{Duration, Instant};

/// Nothing that works takes so long.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < until, "not even after {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
