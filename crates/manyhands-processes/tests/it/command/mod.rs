//! External programs, run by real shells and tools.

mod asynchronous;
mod ended_early;
mod errors;
mod hygiene;
mod limits;
mod outlived;
mod pipeline;
mod portable;
mod running;
mod streams;
mod surroundings;

use std::fs;
use std::path::Path;

use crate::patience::eventually;

/// Whether a process of this number is there and is no zombie.
fn lives(pid: &str) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

/// The letter of `/proc/PID/stat`.
fn state(pid: &str) -> Option<char> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// The numbers in a file that a script writes its processes to, once there are `count`.
fn pids(file: &Path, count: usize) -> Vec<String> {
    let mut pids = Vec::new();
    eventually("the script has said its processes", || {
        let text = fs::read_to_string(file).unwrap_or_default();
        let complete = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        pids = complete.lines().map(str::to_owned).collect();
        pids.len() >= count
    });
    pids
}
