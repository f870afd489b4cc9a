//! What processes have used of the machine so far: CPU time and memory.

use std::time::Instant;

use anyhow::Context;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};

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

/// CPU time that this process uses for each of many items, from the start of the clock on.
pub(crate) struct CpuClock {
    started_s: f64,
}

impl CpuClock {
    /// # Errors
    /// As for [`cpu_s`].
    pub(crate) fn start() -> anyhow::Result<CpuClock> {
        Ok(CpuClock { started_s: cpu_s()? })
    }

    /// Nanoseconds for each of `count` items.
    ///
    /// # Errors
    /// As for [`cpu_s`].
    pub(crate) fn ns_each(&self, count: u64) -> anyhow::Result<f64> {
        Ok((cpu_s()? - self.started_s) * 1e9 / count as f64)
    }
}

/// CPU time of another process, user and system, all threads, in seconds. Exact to a hundredth.
///
/// # Errors
/// When there is no such process.
pub(crate) fn cpu_s_of(process: u32) -> anyhow::Result<f64> {
    /// What the kernel counts in for programs, whatever it counts in itself.
    const TICKS_PER_S: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))
        .with_context(|| format!("there is no process {process}"))?;
    // The name before the parenthesis may contain blanks. User and system time follow as the 12th
    // and 13th.
    let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().skip(11).take(2));
    let ticks = fields.and_then(|fields| fields.map(|field| field.parse::<f64>().ok()).sum());
    ticks.map(|ticks: f64| ticks / TICKS_PER_S).context("/proc has no CPU time for a process")
}

/// Memory of this process that is resident now and the most that ever was, in bytes.
///
/// `getrusage` would not do: its peak also covers the parent that this process was forked from.
///
/// # Errors
/// Where there is no `/proc/self/status`.
pub(crate) fn resident_and_peak_bytes() -> anyhow::Result<(f64, f64)> {
    let [resident, peak] = status("self", ["VmRSS:", "VmHWM:"])?;
    Ok((resident, peak))
}

/// Memory of this process that is resident now and that of its page tables, in bytes.
///
/// # Errors
/// Where there is no `/proc/self/status`.
pub(crate) fn resident_and_table_bytes() -> anyhow::Result<(f64, f64)> {
    let [resident, tables] = status("self", ["VmRSS:", "VmPTE:"])?;
    Ok((resident, tables))
}

/// Memory of another process that is resident now, in bytes.
///
/// # Errors
/// When there is no such process.
pub(crate) fn resident_bytes_of(process: u32) -> anyhow::Result<f64> {
    let [resident] = status(&process.to_string(), ["VmRSS:"])?;
    Ok(resident)
}

/// Memory of another process that is resident now and is no file's and nobody else's, in bytes.
///
/// # Errors
/// When there is no such process.
pub(crate) fn anonymous_bytes_of(process: u32) -> anyhow::Result<f64> {
    let [anonymous] = status(&process.to_string(), ["RssAnon:"])?;
    Ok(anonymous)
}

/// Memory of a process that is resident now, in bytes; what it shares with others is divided by how
/// many they are.
///
/// # Errors
/// When there is no such process.
pub(crate) fn proportional_bytes_of(process: u32) -> anyhow::Result<f64> {
    let [proportional] = sizes(&format!("/proc/{process}/smaps_rollup"), ["Pss:"])?;
    Ok(proportional)
}

/// Fields of a process that are sizes, in bytes.
fn status<const N: usize>(process: &str, names: [&str; N]) -> anyhow::Result<[f64; N]> {
    sizes(&format!("/proc/{process}/status"), names)
}

/// Fields of a file of `/proc` that are sizes, in bytes.
fn sizes<const N: usize>(path: &str, names: [&str; N]) -> anyhow::Result<[f64; N]> {
    let status = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {path}; memory can be measured on Linux only"))?;
    let mut sizes = [0.0; N];
    for (name, size) in names.iter().zip(&mut sizes) {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        *size = kilobytes.with_context(|| format!("{path} has no {name}"))? * 1024.0;
    }
    Ok(sizes)
}

/// Allows this process as many open files as it may ask for. Those it may not have it will miss,
/// and say so.
pub(crate) fn allow_many_files() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// How many of something are done in a second, from the start of the clock on.
pub(crate) struct Rate {
    started: Instant,
}

impl Rate {
    pub(crate) fn start() -> Rate {
        Rate { started: Instant::now() }
    }

    /// With `count` done by now.
    pub(crate) fn of(&self, count: u64) -> f64 {
        count as f64 / self.started.elapsed().as_secs_f64()
    }

    /// Nanoseconds for each of `count` done by now.
    pub(crate) fn ns_each(&self, count: u64) -> f64 {
        1e9 / self.of(count)
    }
}
