//! Whether the kernel has killed for want of memory.

use std::fs;
use std::path::PathBuf;

/// How often the kernel had killed for want of memory at one moment: in this process's cgroup, or on
/// the whole machine where the cgroup does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OomCount {
    cgroup: Option<u64>,
    machine: Option<u64>,
}

impl OomCount {
    pub(crate) fn now() -> OomCount {
        let count_in = |file: PathBuf| count(&fs::read_to_string(file).ok()?);
        match cgroup_file().and_then(count_in) {
            Some(cgroup) => OomCount { cgroup: Some(cgroup), machine: None },
            None => OomCount { cgroup: None, machine: count_in("/proc/vmstat".into()) },
        }
    }

    /// Whether it has happened again since. What is not known has not happened.
    pub(crate) fn has_risen(self) -> bool {
        let now = OomCount::now();
        let rose = |before: Option<u64>, now: Option<u64>| {
            before.zip(now).is_some_and(|(before, now)| now > before)
        };
        rose(self.cgroup, now.cgroup) || rose(self.machine, now.machine)
    }
}

/// Where this process's cgroup counts: version 2 only.
fn cgroup_file() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(PathBuf::from("/sys/fs/cgroup").join(path).join("memory.events"))
}

fn count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_the_one_of_kills() {
        assert_eq!(count("low 0\nhigh 3\nmax 5\noom 2\noom_kill 7\noom_group_kill 9\n"), Some(7));
        assert_eq!(count("oom 2\n"), None);
        assert_eq!(count("oom_kill many\n"), None);
    }

    #[test]
    fn nothing_rises_by_itself() {
        assert_eq!(OomCount::now(), OomCount::now());
        assert!(!OomCount { cgroup: None, machine: None }.has_risen());
        assert!(!OomCount { cgroup: Some(u64::MAX), machine: Some(u64::MAX) }.has_risen());
    }
}
