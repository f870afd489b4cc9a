//! Commands as arguments, and their outcomes as results, of tasks on any executor.

use std::time::Duration;

use manyhands_executor::{ExecutorExt, Sequential};
use manyhands_processes::{Command, CommandError, CommandOutput, OutputTo, run_command};

/// There and back again through the codec that tasks use.
fn travelled<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    postcard::from_bytes(&postcard::to_stdvec(value).unwrap()).unwrap()
}

#[test]
fn a_command_is_the_argument_of_a_task() {
    let executor = Sequential::new();
    let commands = (0..5).map(|number| Command::new("echo").arg(number.to_string()));
    let outputs: Vec<String> = executor
        .map(run_command, commands)
        .map(|outcome| outcome.unwrap().unwrap().stdout_text().trim().to_owned())
        .collect();
    assert_eq!(outputs, ["0", "1", "2", "3", "4"]);
}

#[test]
fn all_of_a_command_travels() {
    let folder = tempfile::tempdir().unwrap();
    let command = Command::shell("cat; pwd; echo $A$B; echo err >&2; exit 3")
        .input("in\n")
        .current_dir(folder.path())
        .env("A", "a")
        .env_remove("B")
        .merge_stderr()
        .timeout(Duration::from_secs(60))
        .max_output(1_000_000);
    let there = travelled(&command);
    assert_eq!(there.to_string(), command.to_string());
    let output: CommandOutput = travelled(&there.output().unwrap());
    assert_eq!(output, command.output().unwrap());
    let pipeline = travelled(&Command::new("echo").arg("x").pipe(Command::new("cat")));
    assert_eq!(travelled(&pipeline.output().unwrap()).stdout(), b"x\n");
}

#[test]
fn errors_travel_with_what_was_written() {
    let command = Command::shell("echo out; echo err >&2; exit 3").check(true);
    let error: CommandError = travelled(&command.output().unwrap_err());
    assert_eq!(error.to_string(), command.output().unwrap_err().to_string());
    assert_eq!(error.output().unwrap().stdout(), b"out\n");
    assert_eq!(error.status().unwrap().code(), Some(3));
}

#[test]
fn an_open_descriptor_stays_and_says_so() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let command = Command::new("echo").stdout(OutputTo::Descriptor(null.into()));
    let error = postcard::to_stdvec(&command).unwrap_err();
    assert!(format!("{error:?}").to_lowercase().contains("ser"), "{error:?}");
    let (one, other) = (command.clone(), command);
    assert_eq!(one.to_string(), other.to_string());
}
