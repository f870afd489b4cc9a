//! A timeout ends the whole group: a program that does not end in time is ended together with all
//! that it has started, and what it wrote until then is there.
//!
//! The shell here starts another program in the background, which holds the output open. Python's
//! `subprocess.run(..., shell=True, timeout=1)` kills the shell alone, and then waits for the other
//! program to end. A deadline around the call does the same as a timeout, and so do the end of a task
//! that runs the program, in a thread or in another process. And no program comes to a standstill over
//! full pipes, whatever it reads and writes in which order.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use examples::{ListedProcess, Options};
use manyhands::processes::{Command, run_command};
use manyhands::{ExecutorExt, ProcessPool, TaskOptions, ThreadPool, sleep, timeout};

/// How long to wait for what takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something in the background, and a shell that waits for it; for more than an hour, and for so long
/// that no other program has the same words.
fn slow() -> Command {
    let line = "sleep $1 & echo begun; echo 'not yet' >&2; wait";
    Command::shell(line).arg("sh").arg(seconds())
}

fn seconds() -> String {
    format!("3600.{:07}", std::process::id())
}

/// Waits until there are so many processes of a slow command.
fn wait_for_processes(expected: usize) -> anyhow::Result<()> {
    let (start, seconds) = (Instant::now(), seconds());
    loop {
        let mut of_slow = ListedProcess::all()?;
        of_slow.retain(|process| process.command_line.ends_with(&seconds));
        if of_slow.len() == expected {
            println!("{expected} processes of it");
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "not {expected}: {of_slow:?}");
        sleep(Duration::from_millis(1));
    }
}

fn with_a_timeout(limit: Duration) -> anyhow::Result<()> {
    let late = slow().timeout(limit).output();
    let error = late.err().context("it takes an hour")?;
    println!("timed out: {}", error.is_timed_out());
    let output = error.output().context("it was started")?;
    println!("it wrote {:?} and {:?}", output.stdout_text(), output.stderr_text());
    wait_for_processes(0)
}

fn within_a_deadline(limit: Duration) -> anyhow::Result<()> {
    println!("within a deadline: {:?}", timeout(limit, || slow().output().is_ok()));
    wait_for_processes(0)
}

fn as_a_task_in_a_thread(limit: Duration) -> anyhow::Result<()> {
    let limited = TaskOptions::new().time_limit(limit);
    let task = ThreadPool::new(1)?.with(limited).submit(run_command, slow());
    println!("as a task in a thread: {:?}", task.result().map_err(|error| error.kind()));
    wait_for_processes(0)
}

fn as_a_task_in_a_process() -> anyhow::Result<()> {
    let pool = ProcessPool::new(1)?;
    let task = pool.submit(run_command, slow());
    wait_for_processes(2)?;
    task.cancel();
    println!("as a task in a process: {:?}", task.result().map_err(|error| error.kind()));
    wait_for_processes(0)
}

pub(crate) fn main() -> anyhow::Result<()> {
    let limit = Options::parse()?.scaled(1.0);
    with_a_timeout(limit)?;
    within_a_deadline(limit)?;
    as_a_task_in_a_thread(limit)?;
    as_a_task_in_a_process()?;

    let lines = "a line of twenty-two.\n".repeat(50_000);
    let both = Command::shell("tee /dev/stderr").input(lines.clone()).output()?;
    let whole = [both.stdout(), both.stderr()].map(|stream| stream == lines.as_bytes());
    println!("1.1 MB in, out, and out on the other stream: {whole:?}");
    Ok(())
}
