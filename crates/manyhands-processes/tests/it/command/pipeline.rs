//! Programs that are connected with each other.

use std::time::{Duration, Instant};

use manyhands_processes::{Command, CommandErrorKind, InputFrom, OutputTo, ProcessGroup};

#[test]
fn the_output_of_one_is_the_input_of_the_next() {
    let numbers = Command::new("seq").arg("1000").pipe(Command::new("tail").args(["-n", "3"]));
    let output = numbers.pipe(Command::new("tac")).output().unwrap();
    assert_eq!(output.stdout(), b"1000\n999\n998\n");
    assert!(output.statuses().iter().all(|status| status.is_success()));
    assert_eq!(output.statuses().len(), 3);
}

#[test]
fn the_first_one_has_an_input_and_everybody_has_errors() {
    let upper = Command::shell("echo one >&2; cat").input("hello");
    let output = upper.pipe(Command::shell("echo two >&2; tr a-z A-Z")).output().unwrap();
    assert_eq!(output.stdout_text(), "HELLO");
    assert_eq!(output.stderr().collect::<Vec<_>>(), [b"one\n", b"two\n"]);
}

#[test]
fn a_lot_goes_through() {
    let zeros = Command::new("head").args(["-c", "10485760", "/dev/zero"]);
    let output = zeros.pipe(Command::new("cat")).pipe(Command::new("wc").arg("-c")).output();
    assert_eq!(output.unwrap().stdout_text().trim(), "10485760");
}

#[test]
fn every_status_is_told_and_the_last_failure_is_that_of_the_whole() {
    let stage = |code: i32| Command::shell(format!("cat; echo reason {code} >&2; exit {code}"));
    let pipeline = stage(3).pipe(stage(4)).pipe(stage(0));
    let output = pipeline.output().unwrap();
    let codes: Vec<_> = output.statuses().iter().map(|status| status.code().unwrap()).collect();
    assert_eq!(codes, [3, 4, 0]);
    assert_eq!(output.status().code(), Some(4));
    let error = pipeline.check(true).output().unwrap_err();
    assert!(error.is_failed());
    assert_eq!(error.status().unwrap().code(), Some(4));
    assert!(error.to_string().contains("ended with exit code 4"), "{error}");
    assert!(error.to_string().ends_with("reason 4"), "{error}");
    // That of one alone.
    let checked = stage(3).check(true).pipe(stage(4)).output().unwrap_err();
    assert_eq!(checked.status().unwrap().code(), Some(3));
    assert!(stage(3).pipe(stage(0).check(true)).output().is_ok());
}

#[test]
fn one_that_nobody_reads_any_more_is_ended_by_its_pipe() {
    let output = Command::new("yes").pipe(Command::new("head").args(["-n", "1"])).output().unwrap();
    assert_eq!(output.stdout(), b"y\n");
    assert_eq!(output.statuses()[0].signal(), Some(libc::SIGPIPE));
    assert!(output.statuses()[1].is_success());
}

#[test]
fn a_deadline_ends_all_of_them() {
    let start = Instant::now();
    let forever = || Command::new("sleep").arg("30");
    let limit = Duration::from_millis(200);
    let error = forever().pipe(forever()).timeout(limit).output().unwrap_err();
    assert!(error.is_timed_out());
    assert!(error.to_string().starts_with("`sleep 30 | sleep 30` did not end"), "{error}");
    // A limit that one of them brings along is that of the whole.
    assert!(forever().pipe(forever().timeout(limit)).output().unwrap_err().is_timed_out());
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn if_one_is_not_started_none_is_left() {
    let start = Instant::now();
    let error = Command::new("sleep").arg("30").pipe(Command::new("no-such-program")).output();
    assert!(error.unwrap_err().is_not_found());
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn streams_in_the_middle_are_taken() {
    let cat = || Command::new("cat");
    for wrong in [
        cat().pipe(cat().stdin(InputFrom::Null)),
        cat().stdout(OutputTo::Null).pipe(cat()),
        cat().process_group(ProcessGroup::Session).pipe(cat()),
    ] {
        assert_eq!(wrong.output().unwrap_err().kind(), CommandErrorKind::InvalidInput);
    }
}
