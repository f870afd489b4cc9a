//! When a wait began, as cheaply as it can be known: to a few milliseconds.

use std::time::Duration;

/// A moment on a clock that costs a few nanoseconds to read and moves on every few milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// Now, or a few milliseconds ago.
    #[cfg(all(target_os = "linux", not(manyhands_loom)))]
    #[inline]
    pub(crate) fn now() -> Moment {
        use rustix::time::{ClockId, clock_gettime};
        let now = clock_gettime(ClockId::MonotonicCoarse);
        // Both are positive on a clock that counts from when the machine was started.
        Moment(Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32))
    }

    /// Now.
    #[cfg(not(all(target_os = "linux", not(manyhands_loom))))]
    pub(crate) fn now() -> Moment {
        use std::sync::OnceLock;
        use std::time::Instant;
        static START: OnceLock<Instant> = OnceLock::new();
        Moment(START.get_or_init(Instant::now).elapsed())
    }

    /// How long ago it was.
    pub(crate) fn age(self) -> Duration {
        Moment::now().0.saturating_sub(self.0)
    }
}
