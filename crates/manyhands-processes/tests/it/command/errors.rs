//! What goes wrong, told apart.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use manyhands_processes::{Command, CommandError, CommandErrorKind, InputFrom, OutputTo};

fn fails(command: Command, kind: CommandErrorKind, says: &[&str]) -> CommandError {
    let error = command.output().unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    for part in says {
        assert!(error.to_string().contains(part), "{error} does not say {part}");
    }
    assert!(error.output().is_none(), "it was never started");
    error
}

#[test]
fn a_program_that_does_not_exist() {
    let kind = CommandErrorKind::NotFound;
    let error =
        fails(Command::new("no-such-program-xyz").arg("1"), kind, &["no-such-program-xyz", "PATH"]);
    assert!(error.is_not_found());
    assert_eq!(error.command(), "no-such-program-xyz 1");
    let error = fails(Command::new("/no/such/program"), kind, &["/no/such/program"]);
    assert_eq!(error.os_error(), Some(libc::ENOENT));
    fails(Command::new("/dev/null/program"), kind, &["/dev/null/program"]);
}

#[test]
fn a_file_that_cannot_be_run() {
    let kind = CommandErrorKind::NotExecutable;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain-file");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    fails(Command::new(&file), kind, &["plain-file", "not executable"]);
    fails(Command::new("plain-file").env("PATH", folder.path()), kind, &["plain-file"]);
    fails(Command::new(folder.path()), kind, &["is a directory"]);
    fs::write(&file, "echo no first line\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    fails(Command::new(&file), kind, &["plain-file", "#!/bin/sh"]);
    fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    fails(Command::new(&file), kind, &["plain-file", "interpreter"]);
}

#[test]
fn a_working_directory_that_does_not_exist() {
    let kind = CommandErrorKind::NoDirectory;
    let error = fails(
        Command::new("true").current_dir("/no/such/folder"),
        kind,
        &["\"true\"", "/no/such/folder"],
    );
    assert_eq!(error.os_error(), Some(libc::ENOENT));
    let error = fails(Command::new("true").current_dir("/dev/null"), kind, &["/dev/null"]);
    assert_eq!(error.os_error(), Some(libc::ENOTDIR));
}

#[test]
fn what_makes_no_sense() {
    let kind = CommandErrorKind::InvalidInput;
    fails(Command::new(""), kind, &["empty"]);
    fails(Command::new("a\0b"), kind, &["NUL", "name of the program"]);
    fails(Command::new("echo").arg("fine").arg("a\0b"), kind, &["NUL", "argument 2", "echo"]);
    fails(Command::new("echo").env("A", "b\0"), kind, &["NUL", "variable \"A\""]);
    fails(Command::new("echo").env("A=B", "c"), kind, &["\"A=B\""]);
    fails(Command::new("echo").env("", "c"), kind, &["environment variable"]);
    fails(Command::new("echo").current_dir("a\0b"), kind, &["NUL", "directory"]);
    fails(Command::new("echo").stdout(OutputTo::Stdout), kind, &["merged into itself"]);
}

#[test]
fn a_file_for_a_stream_that_cannot_be_opened() {
    let kind = CommandErrorKind::NotStarted;
    let missing = || "/no/such/file".into();
    fails(
        Command::new("cat").stdin(InputFrom::File(missing())),
        kind,
        &["/no/such/file", "standard input"],
    );
    fails(
        Command::new("cat").stdout(OutputTo::File(missing())),
        kind,
        &["/no/such/file", "standard output"],
    );
    fails(Command::new("cat").stderr(OutputTo::Append(missing())), kind, &["standard error"]);
}

#[test]
fn arguments_that_are_too_long() {
    let long = "x".repeat(4 * 1024 * 1024);
    let error = Command::new("true").arg(long).output().unwrap_err();
    assert_eq!(error.kind(), CommandErrorKind::NotStarted);
    assert_eq!(error.os_error(), Some(libc::E2BIG));
}

#[test]
fn a_failure_is_an_error_only_if_asked_for() {
    let command = Command::shell("echo the reason >&2; exit 4");
    assert_eq!(command.output().unwrap().status().unwrap().code(), Some(4));
    let error = command.clone().check(true).output().unwrap_err();
    assert!(error.is_failed());
    assert_eq!(error.status().unwrap().code(), Some(4));
    assert_eq!(
        error.to_string(),
        "`/bin/sh -c 'echo the reason >&2; exit 4'` ended with exit code 4; its standard error \
         ends: the reason"
    );
    let error = command.check(true).stderr(OutputTo::Null).status().unwrap_err();
    assert!(error.to_string().ends_with("ended with exit code 4"), "{error}");
}

#[test]
fn a_signal_is_told_by_its_name() {
    let killed = Command::shell("kill -KILL $$");
    let status = killed.status().unwrap();
    assert_eq!((status.code(), status.signal(), status.shell_code()), (None, Some(9), 137));
    let error = killed.check(true).output().unwrap_err();
    assert!(error.to_string().ends_with("ended with signal 9 (SIGKILL)"), "{error}");
}
