//! The machine that the figures are from: what it is, and whether it is busy with something else.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// How much of its time an idle machine has nothing to do.
const QUIET: f64 = 0.9;
/// For how long the machine is looked at, twice in a row.
const LOOK: Duration = Duration::from_millis(100);

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

/// Waits until nobody else uses the machine, for at most `limit`. Returns whether that is so;
/// where it cannot be told, it is.
pub(crate) fn wait_until_idle(limit: Duration) -> bool {
    let started = Instant::now();
    let mut quiet_looks = 0;
    while quiet_looks < 2 {
        let Some(before) = ProcessorTime::now() else { return true };
        std::thread::sleep(LOOK);
        let Some(after) = ProcessorTime::now() else { return true };
        let idle = (after.idle - before.idle) / (after.all - before.all).max(1.0);
        quiet_looks = if idle >= QUIET { quiet_looks + 1 } else { 0 };
        if quiet_looks == 0 && started.elapsed() >= limit {
            return false;
        }
    }
    true
}

/// What all cores have done since they were started, in ticks.
struct ProcessorTime {
    idle: f64,
    all: f64,
}

impl ProcessorTime {
    fn now() -> Option<ProcessorTime> {
        let text = read_to_string("/proc/stat").ok()?;
        let ticks = text.lines().next()?.split_whitespace().skip(1);
        // user, nice, system, idle and so on; what comes after the eighth is part of user.
        let ticks: Vec<f64> = ticks.take(8).map_while(|tick| tick.parse().ok()).collect();
        Some(ProcessorTime { idle: *ticks.get(3)?, all: ticks.iter().sum() })
    }
}
