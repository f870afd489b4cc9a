//! Timeouts and limits of output.

use std::time::{Duration, Instant};

use manyhands_processes::{Command, CommandErrorKind, OutputTo, ProcessGroup};

use super::{eventually, lives, pids};

/// A deadline, and an end that is far below what the program would take.
const LIMIT: Duration = Duration::from_millis(300);
const FAR: Duration = Duration::from_secs(15);

#[test]
fn a_program_that_is_late_is_ended_and_what_it_wrote_is_in_the_error() {
    let start = Instant::now();
    let command = Command::shell("echo partial; echo because >&2; sleep 30").timeout(LIMIT);
    let error = command.output().unwrap_err();
    assert!(start.elapsed() >= LIMIT);
    assert!(start.elapsed() < FAR);
    assert!(error.is_timed_out(), "{error}");
    let output = error.output().unwrap();
    assert_eq!(output.stdout(), b"partial\n");
    assert_eq!(output.stderr(), b"because\n");
    assert_eq!(error.status().unwrap().signal(), Some(libc::SIGTERM));
    let text = error.to_string();
    assert!(text.contains("did not end within 300ms") && text.contains("because"), "{text}");
}

/// The classic: the program itself ends, and what it has started keeps the pipe open.
#[test]
fn grandchildren_that_hold_the_pipe_do_not_hold_up_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let script = format!("sleep 30 & echo $! > {0}; echo $$ >> {0}; wait", file.display());
    let start = Instant::now();
    let error = Command::shell(script).timeout(LIMIT).output().unwrap_err();
    assert!(error.is_timed_out());
    assert!(start.elapsed() < FAR, "{:?}", start.elapsed());
    for pid in pids(&file, 2) {
        eventually("all in the group are gone", || !lives(&pid));
    }
    // The shell has ended long before its grandchild.
    let start = Instant::now();
    let error = Command::shell("sleep 30 &").timeout(LIMIT).output().unwrap_err();
    assert!(error.is_timed_out());
    assert_eq!(error.status().unwrap().code(), Some(0));
    assert!(start.elapsed() < FAR, "{:?}", start.elapsed());
}

#[test]
fn one_that_has_left_the_group_is_not_waited_for() {
    let start = Instant::now();
    let script = "setsid sleep 20 & echo $!; wait";
    let grace = Duration::from_millis(100);
    let error = Command::shell(script).timeout(LIMIT).grace(grace).output().unwrap_err();
    assert!(start.elapsed() < FAR, "{:?}", start.elapsed());
    let left = error.output().unwrap().stdout_text().trim().to_owned();
    // It is its own master; the test cleans up.
    let _gone = Command::new("kill").arg(left).stderr(OutputTo::Null).status();
}

#[test]
fn one_that_does_not_listen_is_killed_after_the_grace() {
    let start = Instant::now();
    let grace = Duration::from_millis(200);
    let script = "trap '' TERM; echo deaf; while :; do sleep 0.05; done";
    let error = Command::shell(script).timeout(LIMIT).grace(grace).output().unwrap_err();
    assert!(start.elapsed() >= LIMIT + grace);
    assert_eq!(error.status().unwrap().signal(), Some(libc::SIGKILL));
    assert_eq!(error.output().unwrap().stdout(), b"deaf\n");
}

#[test]
fn one_that_cleans_up_has_the_time_for_it_and_its_last_words_are_heard() {
    let script = "trap 'echo cleaned; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let command = Command::shell(script).timeout(LIMIT).grace(Duration::from_secs(60));
    let error = command.output().unwrap_err();
    assert_eq!(error.output().unwrap().stdout(), b"ready\ncleaned\n");
    assert_eq!(error.status().unwrap().code(), Some(7));
}

#[test]
fn one_that_is_stopped_is_ended_too() {
    let command = Command::shell("echo stopping; kill -STOP $$; sleep 30").timeout(LIMIT);
    let error = command.grace(Duration::from_secs(60)).output().unwrap_err();
    assert_eq!(error.status().unwrap().signal(), Some(libc::SIGTERM));
}

#[test]
fn what_stays_behind_without_a_pipe_is_ended_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let deaf = "trap \"\" TERM; while :; do sleep 0.05; done";
    let script = format!("sh -c '{deaf}' & echo $! > {}; wait", file.display());
    let error = Command::shell(script).timeout(LIMIT).status().unwrap_err();
    assert!(error.is_timed_out());
    let pid = pids(&file, 1).remove(0);
    eventually("the deaf grandchild is gone", || !lives(&pid));
}

#[test]
fn without_a_group_the_program_alone_is_ended() {
    let start = Instant::now();
    let command = Command::new("sleep").arg("30").process_group(ProcessGroup::Inherit);
    assert!(command.timeout(LIMIT).output().unwrap_err().is_timed_out());
    assert!(start.elapsed() < FAR);
}

#[test]
fn who_is_in_time_is_left_alone() {
    let output = Command::new("echo").arg("quick").timeout(Duration::from_secs(600)).output();
    assert_eq!(output.unwrap().stdout(), b"quick\n");
    let endless = Command::new("echo").timeout(Duration::MAX).output();
    assert!(endless.unwrap().is_success());
}

#[test]
fn output_without_an_end_is_cut_off() {
    for (command, stream) in [("yes", 1), ("yes >&2", 2)] {
        let error = Command::shell(command).max_output(100_000).output().unwrap_err();
        assert_eq!(error.kind(), CommandErrorKind::TooMuchOutput);
        assert!(error.to_string().contains("more than 100000 bytes"), "{error}");
        let output = error.output().unwrap();
        let length = if stream == 1 { output.stdout().len() } else { output.stderr().len() };
        assert_eq!(length, 100_000);
    }
    let just = Command::shell("printf 12345").max_output(5).output().unwrap();
    assert_eq!(just.stdout(), b"12345");
    let error = Command::shell("printf 123456").max_output(5).output().unwrap_err();
    assert_eq!(error.output().unwrap().stdout(), b"12345");
}

#[test]
fn a_stream_without_an_end_does_not_hold_up_the_deadline() {
    let start = Instant::now();
    let error = Command::new("yes").timeout(LIMIT).output().unwrap_err();
    assert!(error.is_timed_out());
    assert!(start.elapsed() < FAR, "{:?}", start.elapsed());
}
