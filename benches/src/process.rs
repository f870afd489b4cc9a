//! Child processes: this program in another part, or a rival in Python. Each ends when its parent
//! does, whatever ends that.
//!
//! A child reads a pipe of which only its parent holds the other end: when that closes, the child
//! ends itself.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::arguments::CHILD;

/// How to get the rivals in Python.
const SETUP: &str = "`cargo xtask bench-setup` installs it";

/// A command for this program in another part; the part calls [`end_with_parent`].
///
/// # Errors
/// When the program's own file is not known.
pub(crate) fn part(name: &str, words: &[String]) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(program);
    command.args([CHILD, name]).args(words);
    Ok(command)
}

/// A command for a script of `benches/python`, if there is a Python with these modules.
///
/// # Errors
/// What is missing and how to get it, in words.
pub(crate) fn python(script: &str, modules: &[&str], words: &[String]) -> Result<Command, String> {
    let import = modules.iter().fold("import sys".to_owned(), |so_far, one| so_far + "," + one);
    let works = |interpreter: &PathBuf| {
        let mut probe = Command::new(interpreter);
        probe.args(["-c", &import]).stdin(Stdio::null()).stdout(Stdio::null());
        probe.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let interpreter = interpreters().into_iter().find(works).ok_or_else(|| match modules {
        [] => format!("python3 is not installed; {SETUP}"),
        _ => format!("python3 with {} is not installed; {SETUP}", modules.join(" and ")),
    })?;
    let mut command = Command::new(interpreter);
    command.arg(format!("{}/python/{script}", env!("CARGO_MANIFEST_DIR"))).args(words);
    Ok(command)
}

/// The environment that bench-setup makes in the target folder, then the system's Python.
fn interpreters() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let environments = program.ancestors().map(|folder| folder.join("bench-venv/bin/python3"));
    environments.filter(|path| path.exists()).chain([PathBuf::from("python3")]).collect()
}

/// A running child. Dropping it ends it and waits until it is gone.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    line: String,
}

impl Running {
    /// Starts the command.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Running> {
        let line = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {line}"))?;
        let output = child.stdout.take().context("the child's output is piped")?;
        Ok(Running { child, output: BufReader::new(output), line })
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints, without the line break.
    ///
    /// # Errors
    /// When it ends before.
    pub(crate) fn read_line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).context("cannot read a child's output")?;
        if length == 0 {
            let status = self.child.wait().context("cannot wait for a child")?;
            bail!("{} ended without an answer: {status}", self.line);
        }
        Ok(line.trim_end().to_owned())
    }

    /// Waits until it has ended well.
    fn finish(mut self) -> anyhow::Result<()> {
        // Read to the end first: `wait` closes the pipe that keeps the child alive.
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).context("cannot read a child's output")?;
        let status = self.child.wait().context("cannot wait for a child")?;
        if !status.success() {
            bail!("{} failed: {status}", self.line);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that was waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the command to its end and returns the JSON that is its first line.
///
/// # Errors
/// When it fails, or prints something else.
pub(crate) fn answer(command: Command) -> anyhow::Result<Value> {
    let mut running = Running::start(command)?;
    let line = running.read_line()?;
    running.finish()?;
    serde_json::from_str(&line).with_context(|| format!("not an answer in JSON: {line:?}"))
}

/// A number in an answer.
///
/// # Errors
/// When it is not there.
pub(crate) fn number(answer: &Value, field: &str) -> anyhow::Result<f64> {
    answer[field].as_f64().with_context(|| format!("no number {field:?} in the answer {answer}"))
}

/// For a part: prints a line for the parent, at once.
///
/// # Errors
/// When nobody reads.
pub(crate) fn tell(line: impl Display) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{line}").and_then(|()| output.flush()).context("nobody reads")
}

/// For a part: from now on this process ends when its parent does.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let _end_of_input = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(3);
    });
}
