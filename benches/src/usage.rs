//! What this process has used of the machine so far: CPU time and memory.

use anyhow::Context;
use nix::sys::resource::{UsageWho, getrusage};

/// CPU time of this process, user and system, all threads, in seconds.
///
/// # Errors
/// When the operating system does not tell.
pub(crate) fn cpu_s() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("cannot ask for the CPU time used")?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Memory of this process that is resident now and the most that ever was, in bytes.
///
/// `getrusage` would not do: its peak also covers the parent that this process was forked from.
///
/// # Errors
/// Where there is no `/proc/self/status`.
pub(crate) fn resident_and_peak_bytes() -> anyhow::Result<(f64, f64)> {
    let status = std::fs::read_to_string("/proc/self/status")
        .context("memory can be measured on Linux only")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1024.0)
    };
    field("VmRSS:").zip(field("VmHWM:")).context("/proc/self/status has no VmRSS and VmHWM")
}
