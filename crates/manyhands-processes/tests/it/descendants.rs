//! Finding processes, whoever their parent is by now, by a variable in their environment.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value for `MANYHANDS_MARK` that nobody else has.
pub(crate) fn mark_of(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The processes with this mark that are there; those that have ended and were not reaped are not.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let entry = format!("MANYHANDS_MARK={mark}");
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok());
    let pids = entries.filter_map(|found| {
        let pid = found.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(found.path().join("environ")).ok()?;
        environment.split(|byte| *byte == 0).any(|one| one == entry.as_bytes()).then_some(pid)
    });
    pids.collect()
}
