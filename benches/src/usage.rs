//! What this process has used of the machine so far.

use anyhow::Context;

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
