//! Programs that one talks with.

use std::io::{BufRead, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use manyhands_processes::{Command, InputFrom, OutputTo, Running};

use super::{eventually, lives};

fn talking(command: Command) -> Running {
    command.stdin(InputFrom::Pipe).stdout(OutputTo::Capture).start().unwrap()
}

#[test]
fn input_and_output_are_exchanged() {
    let mut cat = talking(Command::new("cat"));
    for round in 0..100 {
        let line = format!("line {round}\n");
        cat.stdin().unwrap().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        cat.stdout().unwrap().read_line(&mut answer).unwrap();
        assert_eq!(answer, line);
    }
    assert!(cat.try_wait().unwrap().is_none());
    assert!(cat.wait().unwrap().is_success());
    assert!(cat.wait().unwrap().is_success(), "the answer stays");
    assert!(cat.try_wait().unwrap().unwrap().is_success());
}

#[test]
fn lines_are_streamed_while_the_program_runs() {
    let script = "for i in 1 2 3; do echo $i; read answer; done";
    let mut program = talking(Command::shell(script));
    let mut stdin = program.take_stdin().unwrap();
    let mut seen = Vec::new();
    for line in program.take_stdout().unwrap().lines() {
        seen.push(line.unwrap());
        // The program does not go on before it has this.
        stdin.write_all(b"go on\n").unwrap();
    }
    assert_eq!(seen, ["1", "2", "3"]);
}

#[test]
fn one_thread_writes_another_reads_a_third_waits() {
    let mut cat = talking(Command::new("cat"));
    let mut stdin = cat.take_stdin().unwrap();
    let mut stdout = cat.take_stdout().unwrap();
    let writer = std::thread::spawn(move || {
        for number in 0..20_000 {
            writeln!(stdin, "{number}").unwrap();
        }
    });
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    let waiter = std::thread::spawn(move || cat.wait().unwrap());
    // The waiter has closed nothing that was taken.
    writer.join().unwrap();
    assert_eq!(reader.join().unwrap().lines().count(), 20_000);
    assert!(waiter.join().unwrap().is_success());
}

#[test]
fn waiting_reads_what_nobody_has_taken() {
    let script = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2";
    let command = Command::shell(script).stdout(OutputTo::Capture).stderr(OutputTo::Capture);
    let mut program = command.start().unwrap();
    assert!(program.wait().unwrap().is_success());
    let mut bytes = Vec::new();
    assert_eq!(program.stdout().unwrap().read_to_end(&mut bytes).unwrap(), 1_000_000);
    assert_eq!(program.stderr().unwrap().read_to_end(&mut bytes).unwrap(), 1_000_000);
}

#[test]
fn communicating_gives_what_is_left() {
    let mut program = talking(Command::shell("echo first; cat; echo last >&2; exit 5"));
    let mut first = String::new();
    program.stdout().unwrap().read_line(&mut first).unwrap();
    assert_eq!(first, "first\n");
    program.stdin().unwrap().write_all(b"middle").unwrap();
    let output = program.communicate().unwrap();
    assert_eq!(output.stdout(), b"middle");
    assert_eq!(output.status().unwrap().code(), Some(5));
}

#[test]
fn waiting_for_a_while_leaves_the_program_alone() {
    let mut program = Command::new("sleep").arg("60").start().unwrap();
    let pid = program.pid().to_string();
    let start = Instant::now();
    assert!(program.wait_timeout(Duration::from_millis(30)).unwrap().is_none());
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(program.try_wait().unwrap().is_none());
    assert!(lives(&pid));
    program.kill().unwrap();
    let limit = Duration::from_secs(60);
    assert_eq!(program.wait_timeout(limit).unwrap().unwrap().signal(), Some(libc::SIGKILL));
    assert!(start.elapsed() < limit);
}

#[test]
fn signals_reach_it() {
    let script = "trap 'echo got it' USR1; echo ready; while :; do read x || sleep 0.01; done";
    let mut program = talking(Command::shell(script));
    let mut line = String::new();
    program.stdout().unwrap().read_line(&mut line).unwrap();
    program.signal(libc::SIGUSR1).unwrap();
    // The trap runs when the shell has read something, or while it reads, which then fails.
    program.stdin().unwrap().write_all(b"\n").unwrap();
    line.clear();
    program.stdout().unwrap().read_line(&mut line).unwrap();
    assert_eq!(line, "got it\n");
    assert_eq!(program.signal(12345).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    program.terminate().unwrap();
    assert_eq!(program.wait().unwrap().signal(), Some(libc::SIGTERM));
    // To one that has ended, nothing happens.
    program.terminate().unwrap();
    program.signal(libc::SIGUSR1).unwrap();
}

#[test]
fn another_thread_ends_it_while_its_owner_waits() {
    let mut program = Command::new("sleep").arg("60").start().unwrap();
    let handle = program.handle();
    let waiter = std::thread::spawn(move || program.wait().unwrap());
    assert!(handle.status().is_none());
    handle.kill().unwrap();
    assert_eq!(waiter.join().unwrap().signal(), Some(libc::SIGKILL));
    assert_eq!(handle.status().unwrap().signal(), Some(libc::SIGKILL));
}

#[test]
fn dropped_it_is_killed_with_its_group() {
    let mut program =
        Command::shell("sleep 30 & echo $!; wait").stdout(OutputTo::Capture).start().unwrap();
    let pid = program.pid().to_string();
    let mut child = String::new();
    program.stdout().unwrap().read_line(&mut child).unwrap();
    let child = child.trim();
    assert!(lives(&pid) && lives(child));
    drop(program);
    eventually("both are gone", || !lives(&pid) && !lives(child));
    eventually("and reaped", || super::state(&pid).is_none());
}

#[test]
fn detached_it_goes_on_and_is_reaped_all_the_same() {
    let program = Command::shell("read line; exit 0").stdin(InputFrom::Pipe);
    let mut program = program.start().unwrap();
    let pid = program.pid().to_string();
    let stdin = program.take_stdin().unwrap();
    program.detach();
    assert!(lives(&pid));
    drop(stdin);
    eventually("it has ended by itself and is reaped", || super::state(&pid).is_none());
}

#[test]
fn the_timeout_of_the_command_counts_from_its_start() {
    let start = Instant::now();
    let limit = Duration::from_millis(200);
    let sleep = |limit| Command::shell("echo early; sleep 30").timeout(limit);
    let mut program = sleep(limit).stdout(OutputTo::Capture).start().unwrap();
    let error = program.wait().unwrap_err();
    assert!(error.is_timed_out());
    assert_eq!(error.output().unwrap().stdout(), b"early\n");
    assert!(start.elapsed() >= limit && start.elapsed() < Duration::from_secs(15));
    let mut program = sleep(limit).stdout(OutputTo::Capture).start().unwrap();
    let mut text = String::new();
    let error = program.stdout().unwrap().read_to_string(&mut text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(program.wait_timeout(Duration::from_secs(600)).unwrap_err().is_timed_out());
    let program = sleep(limit).stdout(OutputTo::Capture).start().unwrap();
    let error = program.communicate().unwrap_err();
    assert_eq!(error.output().unwrap().stdout(), b"early\n");
}

#[test]
fn a_program_that_does_not_read_any_more_is_a_broken_pipe() {
    let mut program = talking(Command::new("true"));
    let mut stdin = program.take_stdin().unwrap();
    program.wait().unwrap();
    // Another thread that is just starting a program has a copy of the other end for a moment.
    eventually("nobody reads", || match stdin.write(b"x") {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::BrokenPipe,
    });
}

#[test]
fn a_failure_is_an_error_only_if_asked_for() {
    let mut program = Command::shell("exit 3").start().unwrap();
    assert_eq!(program.wait().unwrap().code(), Some(3));
    let mut program = Command::shell("exit 3").check(true).start().unwrap();
    assert!(program.wait().unwrap_err().is_failed());
}
