//! Waiting in tests: for a condition, and for a gate; long enough for any machine, never for ever.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Longer than anything here takes on the slowest machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Polls `condition` until it holds.
///
/// # Panics
/// If it still does not hold after a minute.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "never happened: {what}\n{}", manyhands_wait::dump());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Closed until it is opened once. Waits with std, so nothing of manyhands can end such a wait.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    #[track_caller]
    pub(crate) fn pass(&self) {
        let open = self.open.lock().unwrap();
        let (_open, time) = self.opened.wait_timeout_while(open, LONG, |open| !*open).unwrap();
        assert!(!time.timed_out(), "the gate was never opened");
    }
}
