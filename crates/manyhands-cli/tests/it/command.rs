//! Running the command and looking at what it leaves behind.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take before a test gives up; far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a finished command left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The objects that were printed, one per line.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

/// The command with these arguments, in an environment without colours.
pub(crate) fn manyhands(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manyhands"));
    command.args(args).env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Finished {
    finish(
        manyhands(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts"),
    )
}

/// Waits for the command's end and takes what it printed.
pub(crate) fn finish(child: Child) -> Finished {
    let output = child.wait_with_output().expect("its output can be read");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it prints text"),
        stderr: String::from_utf8(output.stderr).expect("it complains in text"),
    }
}

/// Starts `manyhands serve` with more arguments, and tells where it listens.
pub(crate) fn start_site(args: &[&str]) -> (Child, String) {
    let mut child = manyhands(&["serve"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stdout = child.stdout.take().expect("standard output is a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("it tells its address");
    let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
    (child, address)
}

/// Sends a signal to a process.
pub(crate) fn send(pid: u32, signal: Signal) {
    kill_process(pid_of(pid), signal).expect("the process is there");
}

/// The processes started by `parent`, with their command lines.
pub(crate) fn children(parent: u32) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").expect("/proc is there");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| parent_of(pid) == Some(parent))
        .map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .collect()
}

/// Whether a process is there and not merely waiting to be reaped.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| !stat.starts_with("Z "))
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let given_up = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < given_up, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a pid is small")).expect("a pid is not 0")
}

fn parent_of(pid: u32) -> Option<u32> {
    stat(pid)?.split(' ').nth(1)?.parse().ok()
}

/// The fields of `/proc/PID/stat` behind the name: state, parent and so on.
fn stat(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, fields)| fields.to_owned())
}
