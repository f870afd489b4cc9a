//! The one retry policy: how often, and how long to wait in between.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often to try, and with which delays: exponential, bounded, with jitter.
///
/// ```
/// use std::time::Duration;
/// use manyhands_executor::RetryPolicy;
///
/// let policy = RetryPolicy::new(4).base(Duration::from_millis(100)).jitter(0.0);
/// assert_eq!(policy.delay(1), Duration::from_millis(100));
/// assert_eq!(policy.delay(3), Duration::from_millis(400));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    attempts: u32,
    base: Duration,
    factor: f64,
    max: Duration,
    jitter: f64,
}

impl RetryPolicy {
    /// At most `attempts` attempts in all (0 counts as 1); 200 ms before the second, twice as long
    /// before each further one, at most 30 s, half of it random.
    pub const fn new(attempts: u32) -> RetryPolicy {
        RetryPolicy {
            attempts: if attempts == 0 { 1 } else { attempts },
            base: Duration::from_millis(200),
            factor: 2.0,
            max: Duration::from_secs(30),
            jitter: 0.5,
        }
    }

    /// The delay before the second attempt. Default: 200 ms.
    pub const fn base(mut self, delay: Duration) -> RetryPolicy {
        self.base = delay;
        self
    }

    /// By how much each delay is longer than the one before; below 1 counts as 1. Default: 2.
    pub const fn factor(mut self, factor: f64) -> RetryPolicy {
        self.factor = factor;
        self
    }

    /// The longest delay. Default: 30 s.
    pub const fn max(mut self, delay: Duration) -> RetryPolicy {
        self.max = delay;
        self
    }

    /// Which share of each delay is random, from 0 (none) to 1. Default: 0.5. Randomness keeps
    /// those who failed together from trying again together.
    pub const fn jitter(mut self, share: f64) -> RetryPolicy {
        self.jitter = share;
        self
    }

    /// The greatest number of attempts, at least 1.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long to wait after attempt number `attempt` (from 1) has failed.
    pub fn delay(&self, attempt: u32) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = self.base.as_secs_f64() * at_least(self.factor, 1.0).powi(exponent);
        let full = full.min(self.max.as_secs_f64());
        let share = at_least(self.jitter, 0.0).min(1.0);
        let delay = full * (1.0 - share) + full * share * random_fraction();
        Duration::try_from_secs_f64(delay).unwrap_or(self.max)
    }
}

/// `value`, or `least` where it is smaller or not a number.
fn at_least(value: f64, least: f64) -> f64 {
    if value >= least { value } else { least }
}

/// From 0 to 1, from the keys that std draws for its hash maps.
fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_maximum() {
        let policy = RetryPolicy::new(9)
            .base(Duration::from_millis(10))
            .factor(3.0)
            .max(Duration::from_millis(50))
            .jitter(0.0);
        let delays: Vec<_> = (1..=4).map(|n| policy.delay(n).as_millis()).collect();
        assert_eq!(delays, [10, 30, 50, 50]);
        assert_eq!(policy.delay(u32::MAX).as_millis(), 50);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let policy = RetryPolicy::new(2).base(Duration::from_secs(1)).jitter(0.5);
        for _ in 0..1000 {
            let delay = policy.delay(1).as_secs_f64();
            assert!((0.5..=1.0).contains(&delay), "{delay}");
        }
    }

    #[test]
    fn senseless_figures_do_no_harm() {
        let policy = RetryPolicy::new(0).factor(f64::NAN).jitter(f64::NAN).max(Duration::MAX);
        assert_eq!(policy.attempts(), 1);
        assert_eq!(policy.delay(u32::MAX), Duration::from_millis(200));
    }
}
