//! A fresh process of this program, for one run of one model: started, given its order, read, and
//! ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use signal_hook::low_level::signal_name;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use serde::Serialize;

use super::protocol::{Order, Run};
use crate::interrupt::Interrupt;

/// How much of the end of a child's standard error is kept.
const STDERR_KEPT: usize = 64 * 1024;

/// How many lines of it are shown from its beginning, where a panic says what happened, and from
/// its end, where everything else does.
const LINES_SHOWN: usize = 5;

/// Why there is no result of a run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was asked to stop; the child has been ended.
    Interrupted,
    /// The child could not be started, crashed, was killed or made no sense. Told in words.
    Broken(String),
}

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// The end of what it complained of.
    stderr: Vec<u8>,
}

impl Ended {
    /// One that complained of nothing.
    #[cfg(test)]
    pub(crate) fn of(status: ExitStatus, stdout: Vec<u8>) -> Ended {
        Ended { status, stdout, stderr: Vec::new() }
    }

    /// How it ended and what it complained of, in words.
    pub(crate) fn in_words(&self) -> String {
        how_it_ended(self.status, &self.stderr)
    }
}

/// Starts a child for the order, waits for its result and for its end.
///
/// # Errors
/// See [`Failure`]. In every case the child is gone when this returns.
pub(crate) async fn run_once(order: &Order, interrupt: &Interrupt) -> Result<Run, Failure> {
    let ended = run_to_end("run-model", order, interrupt).await?;
    if !ended.status.success() {
        return Err(Failure::Broken(ended.in_words()));
    }
    serde_json::from_slice(&ended.stdout).map_err(|error| {
        Failure::Broken(format!("the process that ran the model answered nonsense: {error}"))
    })
}

/// Starts a child that runs a subcommand, gives it the order as one line of its standard input, and
/// waits for its end.
///
/// The child keeps reading its standard input, which only this process can close: it ends when
/// this process does, however that happens.
///
/// # Errors
/// See [`Failure`]; not that the child ended badly. In every case it is gone when this returns.
pub(crate) async fn run_to_end(
    subcommand: &str,
    order: &impl Serialize,
    interrupt: &Interrupt,
) -> Result<Ended, Failure> {
    let mut child = start(subcommand)
        .map_err(|error| Failure::Broken(format!("cannot start this program again: {error}")))?;
    let finished = tokio::select! {
        finished = converse(&mut child, order) => finished,
        () = interrupt.requested() => {
            // It may just have ended by itself, which is as good.
            let _ = child.kill().await;
            return Err(Failure::Interrupted);
        }
    };
    finished.map_err(|error| {
        Failure::Broken(format!("cannot talk to the process that runs the model: {error}"))
    })
}

fn start(subcommand: &str) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg(subcommand)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C at the terminal is for this process, which then ends the child.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn converse(child: &mut Child, order: &impl Serialize) -> io::Result<Ended> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut answer = Vec::new();
    let (written, read, tail) =
        tokio::join!(stdin.write_all(&line), stdout.read_to_end(&mut answer), tail_of(stderr));
    let status = child.wait().await?;
    drop(stdin);
    // A child that died before it read its order says more by its status than by the broken pipe.
    if status.success() {
        written?;
    }
    read?;
    Ok(Ended { status, stdout: answer, stderr: tail? })
}

/// Reads to the end and keeps the last [`STDERR_KEPT`] bytes.
async fn tail_of(mut reader: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut tail = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let read = reader.read(&mut buffer).await?;
        if read == 0 {
            return Ok(tail);
        }
        tail.extend_from_slice(&buffer[..read]);
        let surplus = tail.len().saturating_sub(STDERR_KEPT);
        tail.drain(..surplus);
    }
}

fn how_it_ended(status: ExitStatus, stderr: &[u8]) -> String {
    let ended = match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("killed by signal {signal} ({name})"),
            None => format!("killed by signal {signal}"),
        },
        (None, Some(code)) => format!("ended with exit code {code}"),
        (None, None) => format!("ended: {status}"),
    };
    match excerpt(&String::from_utf8_lossy(stderr)).as_str() {
        "" => ended,
        words => format!("{ended}: {words}"),
    }
}

fn excerpt(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    if lines.len() <= 2 * LINES_SHOWN + 1 {
        return lines.join("\n");
    }
    let (head, tail) = (&lines[..LINES_SHOWN], &lines[lines.len() - LINES_SHOWN..]);
    format!("{}\n…\n{}", head.join("\n"), tail.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_in_words() {
        let killed = ExitStatus::from_raw(9);
        assert_eq!(how_it_ended(killed, b""), "killed by signal 9 (SIGKILL)");
        let left = ExitStatus::from_raw(101 << 8);
        assert_eq!(how_it_ended(left, b"panicked\n"), "ended with exit code 101: panicked");
    }

    #[test]
    fn a_long_complaint_is_shown_from_both_ends() {
        let text: String = (1..=100).map(|line| format!("line {line}\n")).collect();
        let shown = excerpt(&text);
        assert!(shown.starts_with("line 1\n") && shown.ends_with("line 100"), "{shown}");
        assert_eq!(shown.lines().count(), 2 * LINES_SHOWN + 1);
        assert_eq!(excerpt("one\ntwo\n"), "one\ntwo");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn only_the_end_of_a_long_complaint_is_kept() {
        let mut long = vec![b'a'; 3 * STDERR_KEPT];
        long.extend_from_slice(b"the end");
        let tail = tail_of(&long[..]).await.expect("reading from memory succeeds");
        assert_eq!(tail.len(), STDERR_KEPT);
        assert!(tail.ends_with(b"the end"));
    }
}
