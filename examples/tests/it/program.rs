//! Running an example.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// An example that has run to its end, successfully.
pub(crate) struct Ended {
    /// The lines of its standard output.
    pub(crate) lines: Vec<String>,
    /// Its standard error.
    pub(crate) stderr: String,
    /// The process id it had.
    pub(crate) pid: u32,
}

/// Runs the example `name` with these arguments, separated by spaces.
pub(crate) fn run(name: &str, arguments: &str) -> Ended {
    run_with(name, arguments, |_| {})
}

/// Like [`run`], for a program that may hang: one that takes longer than `limit` is killed, and what it
/// has printed is shown. It must print less than a pipe holds.
pub(crate) fn run_within(limit: Duration, name: &str, arguments: &str) -> Ended {
    let mut command = any_example();
    command.arg(name).args(arguments.split_whitespace());
    let mut child = command.spawn().expect("the program was built with the tests");
    let pid = child.id();
    let end = Instant::now() + limit;
    while child.try_wait().expect("a child can be waited for").is_none() {
        if Instant::now() > end {
            child.kill().expect("a child can be killed");
            let output = child.wait_with_output().expect("the output of a child can be read");
            let said = String::from_utf8_lossy(&output.stdout);
            panic!("{name} {arguments} still ran after {limit:?}; it had printed\n{said}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("the output of a child can be read");
    ended(name, pid, output)
}

/// Like [`run`], with a change to the command before it is started.
pub(crate) fn run_with(name: &str, arguments: &str, change: impl FnOnce(&mut Command)) -> Ended {
    let mut command = any_example();
    command.arg(name).args(arguments.split_whitespace());
    change(&mut command);
    let child = command.spawn().expect("the program was built with the tests");
    let pid = child.id();
    let output = child.wait_with_output().expect("the output of a child can be read");
    ended(name, pid, output)
}

fn ended(name: &str, pid: u32, output: Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).expect("examples print UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{name}: {}\n{stdout}\n{stderr}", output.status);
    Ended { lines: stdout.lines().map(str::to_owned).collect(), stderr, pid }
}

/// The program that is every example, with an environment that does not change what it prints.
pub(crate) fn any_example() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_any-example"));
    command
        .env("RUST_BACKTRACE", "0")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Ended {
    /// What follows `beginning` in the line that starts with it; there must be one such line.
    pub(crate) fn after(&self, beginning: &str) -> &str {
        let mut found = self.lines.iter().filter_map(|line| line.strip_prefix(beginning));
        match (found.next(), found.next()) {
            (Some(rest), None) => rest,
            _ => panic!("not one line that starts with {beginning:?} in {:#?}", self.lines),
        }
    }

    /// How many lines there are that start with `beginning`.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.lines.iter().filter(|line| line.starts_with(beginning)).count()
    }
}

/// The number at the start of a text.
pub(crate) fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].parse().unwrap_or_else(|_| panic!("{text:?} does not start with a number"))
}
