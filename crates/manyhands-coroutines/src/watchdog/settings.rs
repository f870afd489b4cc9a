//! What a program can set, at any time, for the whole process.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::watcher;

const DEFAULT: u64 = 100_000_000;
const OFF: u64 = 0;

/// In nanoseconds.
static LIMIT: AtomicU64 = AtomicU64::new(DEFAULT);
static BACKTRACES: AtomicBool = AtomicBool::new(true);

/// Sets how long a coroutine may hold its hub before it is reported; `None` switches the watchdog
/// off. The default is 100 ms.
///
/// The watchdog looks four times in that time, but at most once a millisecond; a hold is noticed at
/// the latest after one and three quarters of the limit in which the thread had the processor or
/// waited in the operating system. Zero counts as a nanosecond.
#[doc(alias = "max_blocking_time")]
pub fn set_limit(limit: Option<Duration>) {
    let nanos =
        limit.map_or(OFF, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1));
    LIMIT.store(nanos, SeqCst);
    watcher::look_again();
}

/// How long a coroutine may hold its hub before it is reported; `None` if the watchdog is off.
pub fn limit() -> Option<Duration> {
    match LIMIT.load(SeqCst) {
        OFF => None,
        nanos => Some(Duration::from_nanos(nanos)),
    }
}

/// Sets whether reports say where the coroutine is; they do unless this says otherwise.
///
/// Taking a backtrace walks the stack in a signal handler. That is what profilers do, and what few
/// programs have trouble with: those that generate machine code at run time, and those that load
/// libraries at run time with a C library older than glibc 2.35. Without, the thread is still
/// interrupted, to say the coroutine's name.
pub fn set_backtraces(taken: bool) {
    BACKTRACES.store(taken, SeqCst);
}

pub(super) fn backtraces() -> bool {
    BACKTRACES.load(SeqCst)
}
