//! Input and output, in all their combinations.

use std::fs;
use std::io::{Read, Seek, Write};

use manyhands_processes::{Command, CommandErrorKind, InputFrom, OutputTo};

const MIB: usize = 1024 * 1024;

#[test]
fn output_is_captured_and_kept_apart() {
    let output = Command::shell("echo out; echo err >&2; exit 3").output().unwrap();
    assert_eq!(output.stdout(), b"out\n");
    assert_eq!(output.stderr(), b"err\n");
    assert_eq!(output.stdout_text(), "out\n");
    assert_eq!(output.status().unwrap().code(), Some(3));
    assert!(!output.is_success());
}

#[test]
fn input_may_be_nothing_bytes_or_a_file() {
    let wc = Command::new("wc").arg("-c");
    assert_eq!(wc.output().unwrap().stdout_text().trim(), "0");
    assert_eq!(wc.clone().input("").output().unwrap().stdout_text().trim(), "0");
    assert_eq!(wc.clone().input("four").output().unwrap().stdout_text().trim(), "4");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"from a file").unwrap();
    let from_path = wc.clone().stdin(InputFrom::File(file.path().to_owned()));
    assert_eq!(from_path.output().unwrap().stdout_text().trim(), "11");
    file.rewind().unwrap();
    let open = file.reopen().unwrap();
    let from_descriptor = wc.stdin(InputFrom::Descriptor(open.into()));
    assert_eq!(from_descriptor.output().unwrap().stdout_text().trim(), "11");
}

#[test]
fn the_same_bytes_are_read_from_the_beginning_by_every_run() {
    let cat = Command::new("cat").input("again");
    for _ in 0..3 {
        assert_eq!(cat.output().unwrap().stdout(), b"again");
    }
}

#[test]
fn output_may_go_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let echo = |word: &str| Command::new("echo").arg(word);
    echo("one").stdout(OutputTo::File(path.clone())).status().unwrap();
    echo("two").stdout(OutputTo::Append(path.clone())).status().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    echo("three").stdout(OutputTo::File(path.clone())).status().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    let both = Command::shell("echo out; echo err >&2");
    let both = both.stdout(OutputTo::File(path.clone())).merge_stderr();
    assert!(both.output().unwrap().stdout().is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), "out\nerr\n");
    let (mut reader, writer) = std::io::pipe().unwrap();
    echo("four").stdout(OutputTo::Descriptor(writer.into())).status().unwrap();
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, "four\n");
}

#[test]
fn errors_are_merged_in_the_order_in_which_they_were_written() {
    let both = Command::shell("for i in 1 2 3; do echo out$i; echo err$i >&2; done");
    let output = both.merge_stderr().output().unwrap();
    assert_eq!(output.stdout(), b"out1\nerr1\nout2\nerr2\nout3\nerr3\n");
    assert!(output.stderr().is_empty());
}

#[test]
fn null_is_nothing() {
    let output = Command::shell("echo out; echo err >&2").stdout(OutputTo::Null).output().unwrap();
    assert!(output.stdout().is_empty());
    assert_eq!(output.stderr(), b"err\n");
}

/// More than any pipe holds, in every direction at once, and in the orders that deadlock whoever
/// writes everything first and reads one stream after the other.
#[test]
fn full_pipes_do_not_stop_anybody() {
    let input: Vec<u8> = (0..10 * MIB).map(|index| (index % 251) as u8).collect();
    for script in [
        "cat",
        "tee /dev/stderr",
        // All of standard error first, before a byte of input is read.
        "head -c 10485760 /dev/zero >&2; cat",
        // All input first.
        "cat > /dev/null; head -c 10485760 /dev/zero; head -c 10485760 /dev/zero >&2",
        // Nobody reads the input.
        "head -c 10485760 /dev/zero",
    ] {
        let output = Command::shell(script).input(input.clone()).output().unwrap();
        assert!(output.is_success(), "{script}");
        assert_eq!(output.stdout().len(), 10 * MIB, "{script}");
        if script.starts_with("tee") || script.ends_with("cat") {
            assert!(output.stdout() == &input[..], "{script}");
        }
        if script.contains("err") || script.contains(">&2") {
            assert_eq!(output.stderr().len(), 10 * MIB, "{script}");
        }
    }
}

#[test]
fn the_same_through_a_pipe_that_another_thread_feeds() {
    let input: Vec<u8> = (0..10 * MIB).map(|index| (index % 251) as u8).collect();
    let command = Command::new("tee").arg("/dev/stderr");
    let command = command.stdin(InputFrom::Pipe);
    let mut program = command.stdout(OutputTo::Capture).stderr(OutputTo::Capture).start().unwrap();
    let mut stdin = program.take_stdin().unwrap();
    let fed = input.clone();
    let feeder = std::thread::spawn(move || stdin.write_all(&fed));
    let output = program.communicate().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.stdout() == &input[..]);
    assert!(output.stderr() == &input[..]);
}

#[test]
fn a_pipe_needs_somebody_who_writes() {
    let error = Command::new("cat").stdin(InputFrom::Pipe).output().unwrap_err();
    assert_eq!(error.kind(), CommandErrorKind::InvalidInput);
    assert!(error.to_string().contains("`start`"), "{error}");
}

#[test]
fn what_is_left_in_the_background_with_the_streams_is_waited_for() {
    let output = Command::shell("(sleep 0.2; echo late) & echo early").output().unwrap();
    assert_eq!(output.stdout(), b"early\nlate\n");
}
