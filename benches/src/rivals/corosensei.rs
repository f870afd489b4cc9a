//! corosensei: the bare switch, which is the limit. It schedules nothing and waits for nothing.

use std::hint::black_box;

use anyhow::ensure;
use corosensei::{Coroutine, CoroutineResult};

use crate::usage::CpuClock;

pub(crate) const NAME: &str = "corosensei";

/// A coroutine is switched to and back; CPU nanoseconds for each such pair.
///
/// # Errors
/// When the operating system does not tell CPU times.
pub(crate) fn switch_pairs(count: u64) -> anyhow::Result<f64> {
    let mut coroutine = Coroutine::<u64, u64, ()>::new(|suspender, mut n| {
        while n != u64::MAX {
            n = suspender.suspend(n + 1);
        }
    });
    let mut switch = |count| {
        (0..count).for_each(|n| match coroutine.resume(black_box(n)) {
            CoroutineResult::Yield(next) => _ = black_box(next),
            CoroutineResult::Return(()) => unreachable!("it ends only when it is told to"),
        });
    };
    switch(count / 10);
    let clock = CpuClock::start()?;
    switch(count);
    let ns = clock.ns_each(count)?;
    ensure!(matches!(coroutine.resume(u64::MAX), CoroutineResult::Return(())), "it did not end");
    Ok(ns)
}
