//! What the operating system grants this process, and what it uses.

use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Raises the limit on open files to what the system allows. With less, fewer connections work at a
/// time, and whoever needs one more says so.
pub fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _the_old_limit_stays = setrlimit(Resource::Nofile, raised);
}

/// How much memory this process has now, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Its own pages that are in memory.
    pub resident: u64,
    /// The tables by which the processor finds them.
    pub page_tables: u64,
}

impl Memory {
    /// Reads it from Linux' `/proc/self/status`.
    ///
    /// # Errors
    /// If there is no such file, or it does not tell.
    pub fn now() -> anyhow::Result<Memory> {
        let status = std::fs::read_to_string("/proc/self/status")
            .context("the memory of this process is only known on Linux")?;
        let bytes = |field: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let kibibytes = line.and_then(|rest| rest.split_whitespace().next());
            let kibibytes = kibibytes.with_context(|| format!("there is no {field}"))?;
            Ok(kibibytes.parse::<u64>()? * 1024)
        };
        Ok(Memory { resident: bytes("VmRSS:")?, page_tables: bytes("VmPTE:")? })
    }
}

/// How long processors have worked for this process.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Never negative: it counts from the start of the process.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in_use_is_counted() {
        let before = Memory::now().unwrap();
        let touched = vec![1_u8; 64 * 1024 * 1024];
        let after = Memory::now().unwrap();
        assert!(after.resident >= before.resident + 32 * 1024 * 1024, "{before:?} {after:?}");
        assert!(after.page_tables > 0);
        drop(touched);
    }
}
