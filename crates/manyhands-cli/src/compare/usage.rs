//! What the process that runs a model measures of itself and of the processes that it has started: a
//! clock, CPU time, peak memory.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;
use rustix::time::{ClockId, clock_gettime};

/// Now, in seconds on the clock that all processes of this machine share.
pub(crate) fn now_s() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// The user and system time that this process and those of its children that were waited for have
/// spent so far.
///
/// # Errors
/// When the system does not tell it.
pub(crate) fn cpu_time() -> anyhow::Result<Duration> {
    let own = getrusage(UsageWho::RUSAGE_SELF).context("cannot read the CPU time")?;
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the CPU time")?;
    Ok(of(own) + of(children))
}

/// How long the threads of this process and of its children that are still there have been ready to
/// run and had no core, in seconds. Nought where the kernel does not count it.
pub(crate) fn core_wait_s() -> f64 {
    let of_process = |process: &str| -> f64 {
        let Ok(threads) = Path::new(process).join("task").read_dir() else { return 0.0 };
        threads
            .flatten()
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok())
            .filter_map(|text| run_delay_ns(&text))
            .map(|nanoseconds| nanoseconds as f64 / 1e9)
            .sum()
    };
    of_process("/proc/self") + children().iter().map(|child| of_process(child)).sum::<f64>()
}

/// The most memory that this process has had resident, in bytes.
///
/// # Errors
/// When `/proc` is not there or does not tell it.
pub(crate) fn peak_rss_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")
        .context("cannot read /proc/self/status for the peak memory")?;
    high_water_mark(&status).context("/proc/self/status does not tell the peak memory (VmHWM)")
}

/// The most memory that each of the children that are still there has had resident, added up, in
/// bytes. What several of them share, such as the program itself, counts for each.
pub(crate) fn children_peak_rss_bytes() -> u64 {
    // One that ends in this moment has no memory any more.
    let status_of = |child: &String| std::fs::read_to_string(format!("{child}/status")).ok();
    children().iter().filter_map(status_of).filter_map(|status| high_water_mark(&status)).sum()
}

/// The folders in `/proc` of the processes that this one has started, and that are still there.
fn children() -> Vec<String> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| folders(&list)).collect()
}

/// The folders of a list of process numbers.
fn folders(list: &str) -> Vec<String> {
    list.split_ascii_whitespace().map(|pid| format!("/proc/{pid}")).collect()
}

fn of(usage: Usage) -> Duration {
    let duration = |time: TimeVal| {
        // Neither part is negative.
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        Duration::from_secs(seconds)
            + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
    };
    duration(usage.user_time()) + duration(usage.system_time())
}

/// The second of the three numbers; the first is the time on a core, the third counts time slices.
fn run_delay_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_high_water_mark_is_found_among_the_other_lines() {
        let status = "Name:\tx\nVmPeak:\t  9000 kB\nVmHWM:\t    5120 kB\nVmRSS:\t 4000 kB\n";
        assert_eq!(high_water_mark(status), Some(5120 * 1024));
        assert_eq!(high_water_mark("Name:\tx\n"), None);
    }

    #[test]
    fn the_wait_for_a_core_is_the_second_number() {
        assert_eq!(run_delay_ns("335635449 506410435 96\n"), Some(506_410_435));
        assert_eq!(run_delay_ns(""), None);
    }

    #[test]
    fn this_process_uses_memory_and_time() {
        assert!(peak_rss_bytes().is_ok_and(|bytes| bytes > 100_000));
        assert!(cpu_time().is_ok());
        let before = now_s();
        assert!(now_s() >= before);
    }

    #[test]
    fn children_count_while_they_are_there() {
        let mut cat = Command::new("cat");
        let mut child =
            cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        // Once it answers it has done what takes memory.
        let (mut to, mut from) = (child.stdin.take().expect("a pipe"), child.stdout.take());
        to.write_all(b"x").expect("it reads");
        from.as_mut().expect("a pipe").read_exact(&mut [0]).expect("it answers");
        let folder = format!("/proc/{}", child.id());
        assert!(children().contains(&folder), "{:?}", children());
        assert!(children_peak_rss_bytes() > 100_000);
        drop(to);
        child.wait().expect("it can be waited for");
        assert!(!children().contains(&folder), "{:?}", children());
    }
}
