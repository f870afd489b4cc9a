//! Time as both sides of a channel see it: nanoseconds of the monotonic clock, which is the same in
//! all processes of a machine and which `Instant` shows on Linux.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// In the place of an instant: there is none.
pub(crate) const NEVER: u64 = 0;

/// Now.
#[inline]
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The instant of this many nanoseconds; `None` for [`NEVER`], and for one beyond the clock's reach.
pub(crate) fn instant_at(ns: u64) -> Option<Instant> {
    if ns == NEVER {
        return None;
    }
    let (now, now_at) = (now_ns(), Instant::now());
    if ns >= now {
        now_at.checked_add(Duration::from_nanos(ns - now))
    } else {
        now_at.checked_sub(Duration::from_nanos(now - ns)).or(Some(now_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_and_instants_agree() {
        let before = Instant::now();
        let here = instant_at(now_ns()).unwrap();
        let after = Instant::now();
        let slack = Duration::from_millis(1);
        assert!(here + slack >= before && here <= after + slack);
        assert!(instant_at(1).unwrap() < before);
        assert_eq!(instant_at(NEVER), None);
    }
}
