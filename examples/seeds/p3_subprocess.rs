//! P3: start external programs, exchange input and output with them.
//!
//! Follows the remark that `subprocess` starts a program's process and talks with it.
//!
//! Better here: waiting for a program is a wait like all others, from threads, coroutines and async
//! code, with deadlines and cancellation; a failed program is an error with the end of what it said
//! on standard error; and a command is plain data, which any executor runs.

use std::io::{BufRead, Write};

use anyhow::Context;
use examples::Options;
use manyhands::processes::{Command, InputFrom, OutputTo, run_command};
use manyhands::{AnyExecutor, ExecutorExt};

/// `subprocess.run(..., input=..., capture_output=True)`.
fn all_at_once() -> anyhow::Result<()> {
    let sorted = Command::new("sort").arg("-n").input("20\n10\n30\n").check(true).output()?;
    println!("sort: {:?}", sorted.stdout_text());
    let counted = Command::new("printf").arg(r"a\nb\na\n").pipe(Command::new("sort").arg("-u"));
    println!("{counted}: {:?}", counted.output()?.stdout_text());
    Ok(())
}

/// `Popen` with pipes: a question, its answer, the next question.
fn in_turns() -> anyhow::Result<()> {
    let greeter = Command::shell(r#"while read -r name; do echo "hello, $name"; done; exit 7"#);
    let mut running = greeter.stdin(InputFrom::Pipe).stdout(OutputTo::Capture).start()?;
    for name in ["egon", "yuan"] {
        let stdin = running.stdin().context("the input was asked for")?;
        stdin.write_all(format!("{name}\n").as_bytes())?;
        let mut answer = String::new();
        running.stdout().context("so was the output")?.read_line(&mut answer)?;
        println!("{name}? {}", answer.trim_end());
    }
    // The end of its input is the end of its loop.
    println!("it ended with {}", running.wait()?);
    Ok(())
}

fn what_goes_wrong() {
    let missing = Command::new("cat").arg("/no/such/file").check(true);
    for command in [missing, Command::new("no-such-program")] {
        match command.output() {
            Ok(output) => println!("{output:?}"),
            Err(error) => println!("{:?}: {error}", error.kind()),
        }
    }
}

/// A command on executors of several kinds: the same call.
fn as_tasks() -> anyhow::Result<()> {
    for model in ["threads:2", "coroutines:1", "processes:2"] {
        let executor: AnyExecutor = model.parse()?;
        let tasks =
            ["one", "two"].map(|word| executor.submit(run_command, Command::new("echo").arg(word)));
        for task in tasks {
            println!("{model}: {}", task.result()??.stdout_text().trim_end());
        }
    }
    Ok(())
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    all_at_once()?;
    in_turns()?;
    what_goes_wrong();
    as_tasks()
}
