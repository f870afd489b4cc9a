//! What the kernel says of a thread: `/proc/self/task/TID/…`.

use std::fs;
use std::time::Duration;

use super::report::Activity;

/// A thread at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    pub(super) activity: Activity,
    /// `None` where the kernel keeps no account of it.
    pub(super) usage: Option<Usage>,
    /// Stopped by a signal or by a debugger.
    pub(super) is_stopped: bool,
}

/// What a thread had of the processor since it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) ran: Duration,
    /// Could have run, but others did.
    pub(super) queued: Duration,
}

/// Looks at a thread of this process. `None` if it has ended or there is no `/proc`.
pub(super) fn probe(thread: i32) -> Option<Probe> {
    let read = |file: &str| fs::read_to_string(format!("/proc/self/task/{thread}/{file}")).ok();
    let stat = read("stat")?;
    let activity = match read("syscall") {
        Some(line) => activity(&line),
        None => Activity::Unknown,
    };
    let activity = match activity {
        // Some sandboxes hide the number of the call, but not where it sleeps.
        Activity::Unknown if read("wchan").is_some_and(|at| at.contains("futex")) => {
            Activity::Futex
        }
        known => known,
    };
    let usage = read("schedstat").and_then(|line| usage(&line));
    Some(Probe { activity, usage, is_stopped: is_stopped(&stat) })
}

/// Whether a thread of this process keeps a signal waiting.
pub(super) fn blocks(thread: i32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/self/task/{thread}/status"));
    status.is_ok_and(|status| is_blocked(&status, signal))
}

/// `SigBlk:`, and the set as a number in base 16.
fn is_blocked(status: &str, signal: i32) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.is_some_and(|set| set >> (signal - 1) & 1 == 1)
}

/// `running`, or the number of the system call and its arguments; -1 for a wait outside one.
fn activity(line: &str) -> Activity {
    match line.split_whitespace().next() {
        Some("running") => Activity::Computing,
        Some(number) => match number.parse::<i64>() {
            Ok(libc::SYS_futex | libc::SYS_futex_waitv) => Activity::Futex,
            Ok(number @ 0..) => Activity::SystemCall(number),
            _ => Activity::Unknown,
        },
        None => Activity::Unknown,
    }
}

/// Nanoseconds on the processor, nanoseconds in its queue, how often.
fn usage(line: &str) -> Option<Usage> {
    let mut numbers = line.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok().map(Duration::from_nanos);
    Some(Usage { ran: next()?, queued: next()? })
}

/// The state comes after the name, which is in parentheses and may contain anything.
fn is_stopped(stat: &str) -> bool {
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('T' | 't'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{activity, blocks, is_blocked, is_stopped, probe, usage};
    use crate::watchdog::Activity;

    #[test]
    fn the_kernels_lines_are_understood() {
        assert_eq!(activity("running\n"), Activity::Computing);
        assert_eq!(activity("-1 0x7ffc 0x7f\n"), Activity::Unknown);
        assert_eq!(activity(""), Activity::Unknown);
        let futex = format!("{} 0x55d0 0x189 0x0\n", libc::SYS_futex);
        assert_eq!(activity(&futex), Activity::Futex);
        assert_eq!(
            activity(&format!("{} 0x1", libc::SYS_read)),
            Activity::SystemCall(libc::SYS_read)
        );
        let usage = usage("1500000 2500000 12\n").unwrap();
        assert_eq!(usage.ran, Duration::from_micros(1500));
        assert_eq!(usage.queued, Duration::from_micros(2500));
        assert!(is_blocked("Name:\tx\nSigBlk:\t0000000000400000\n", libc::SIGURG));
        assert!(!is_blocked("SigBlk:\t0000000000200000\n", libc::SIGURG));
        assert!(is_stopped("7 (a) T b) t 1 7"));
        assert!(!is_stopped("7 (t) T) S 1 7"));
    }

    #[test]
    fn this_thread_is_seen_and_none_that_cannot_be() {
        let own = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(!probe(own).unwrap().is_stopped);
        assert!(probe(i32::MAX).is_none());
        assert!(!blocks(own, libc::SIGURG));
    }
}
