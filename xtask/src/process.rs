//! Starts other programs: cargo without the variables of this run, with its output kept or passed on.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long output is still read after its program has ended, in case a child of it holds the pipe.
const LEFTOVER_GRACE: Duration = Duration::from_secs(5);

/// A `cargo` command that runs in `folder`.
///
/// The variables that `cargo run` set for this process are taken away: build scripts that watch them
/// would otherwise run again each time a developer changes between `cargo xtask test` and
/// `cargo test`.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if is_of_this_run(&name) {
            command.env_remove(name);
        }
    }
    command
}

/// Prints the command line and runs it with the output of this process; `Ok(true)` if it succeeded.
pub(crate) fn run(command: &mut Command) -> Result<bool> {
    announce(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| not_started(command))?;
    Ok(status.success())
}

/// Runs a command quietly and returns what it wrote to its standard output.
///
/// # Errors
/// When it cannot be started, fails, or writes something other than UTF-8. The message carries its
/// standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| not_started(command))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", line(command), output.status, complaint.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("output of {}", line(command)))
}

/// Whether a program can be started and succeeds; what it prints is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What remains of a command that [`run_keeping`] ran.
pub(crate) struct Kept {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// The lines that were asked for, without colours.
    pub(crate) lines: Vec<String>,
}

/// Prints the command line, runs it, passes its output on line by line, and keeps the lines that
/// `wanted` accepts (it sees them without colours).
///
/// A background process that the command leaves behind and that still holds its output does not hold
/// up the caller for longer than a few seconds; it is reported.
pub(crate) fn run_keeping(command: &mut Command, wanted: impl Fn(&str) -> bool) -> Result<Kept> {
    announce(command);
    keep(command, wanted, LEFTOVER_GRACE)
}

/// The command as one would type it, for messages.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

fn keep(command: &mut Command, wanted: impl Fn(&str) -> bool, grace: Duration) -> Result<Kept> {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| not_started(command))?;
    let (sender, received) = mpsc::channel();
    forward(child.stdout.take(), Destination::Output, &sender);
    forward(child.stderr.take(), Destination::Error, &sender);
    drop(sender);

    let mut lines = Vec::new();
    let mut ended: Option<Instant> = None;
    loop {
        match received.recv_timeout(Duration::from_millis(100)) {
            Ok((destination, bytes)) => {
                destination.write(&bytes);
                let text = without_colours(&String::from_utf8_lossy(&bytes));
                if wanted(&text) {
                    lines.push(text.trim_end().to_owned());
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() && has_ended(&mut child)? {
            ended = Some(Instant::now());
        }
        if ended.is_some_and(|at| at.elapsed() > grace) {
            println!("note: something that {} started still holds its output", line(command));
            break;
        }
    }
    let status = child.wait().with_context(|| format!("waiting for {}", line(command)))?;
    Ok(Kept { status, lines })
}

#[derive(Clone, Copy)]
enum Destination {
    Output,
    Error,
}

impl Destination {
    /// Writes to our own stream. A closed stream does not end the run: the verdict still counts.
    fn write(self, bytes: &[u8]) {
        let _ = match self {
            Destination::Output => std::io::stdout().write_all(bytes),
            Destination::Error => std::io::stderr().write_all(bytes),
        };
    }
}

fn forward(
    from: Option<impl Read + Send + 'static>,
    to: Destination,
    sender: &Sender<(Destination, Vec<u8>)>,
) {
    let Some(from) = from else { return };
    let sender = sender.clone();
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        loop {
            let mut bytes = Vec::new();
            match from.read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) if sender.send((to, bytes)).is_err() => return,
                Ok(_) => {}
            }
        }
    });
}

fn has_ended(child: &mut Child) -> Result<bool> {
    Ok(child.try_wait().context("asking whether a command has ended")?.is_some())
}

fn announce(command: &Command) {
    let assignments: String = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_string_lossy(), value?.to_string_lossy())))
        .map(|(name, value)| format!("{name}={value:?} "))
        .collect();
    println!("$ {assignments}{}", line(command));
}

fn not_started(command: &Command) -> String {
    format!("{} could not be started", line(command))
}

fn is_of_this_run(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO_PRIMARY_PACKAGE"
}

/// Takes the escape sequences out of one line.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if rest.next() == Some('[') {
            rest.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn wanted_lines_of_both_streams_are_kept_without_colours() {
        let script = r"printf 'noise\n\033[32mkeep\033[0m one\n'; printf 'keep two\n' >&2; exit 3";
        let kept = run_keeping(&mut shell(script), |line| line.starts_with("keep")).expect("runs");
        assert_eq!(kept.status.code(), Some(3));
        let mut lines = kept.lines;
        lines.sort();
        assert_eq!(lines, ["keep one", "keep two"]);
    }

    #[test]
    fn a_process_left_behind_does_not_hold_up_the_caller() {
        let started = Instant::now();
        let mut left = shell("sleep 60 & echo $!");
        let grace = Duration::from_millis(200);
        let kept = keep(&mut left, |line| !line.trim().is_empty(), grace).expect("runs");
        assert!(kept.status.success());
        assert!(started.elapsed() < Duration::from_secs(50));
        let sleeper = kept.lines.first().expect("the shell printed the id of its child");
        assert!(succeeds(Command::new("kill").arg(sleeper)));
    }

    #[test]
    fn a_failing_command_is_reported_with_what_it_complained_about() {
        let trouble = capture(&mut shell("echo bad luck >&2; exit 1")).expect_err("it fails");
        assert!(format!("{trouble:#}").contains("bad luck"), "{trouble:#}");
        assert_eq!(capture(&mut shell("echo fine")).expect("it succeeds"), "fine\n");
    }

    #[test]
    fn a_missing_program_is_an_error_and_not_a_success() {
        assert!(!succeeds(&mut Command::new("no-such-program-anywhere")));
        assert!(run(&mut Command::new("no-such-program-anywhere")).is_err());
    }
}
