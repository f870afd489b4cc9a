//! The machine that the figures are from, in one line.

use std::fs::read_to_string;

/// Cores, processor, kernel, and how busy the machine was when asked; what is not known is left
/// out.
pub(crate) fn facts() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut facts = vec![match cores {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    }];
    let processor = read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    facts.extend(processor);
    if let Ok(release) = read_to_string("/proc/sys/kernel/osrelease") {
        facts.push(format!("{} {}", std::env::consts::OS, release.trim()));
    }
    if let Ok(load) = read_to_string("/proc/loadavg") {
        let of_a_minute = load.split_whitespace().next().unwrap_or_default();
        facts.push(format!("load before {of_a_minute}"));
    }
    facts.join(", ")
}
