//! Nothing is left: no descriptors, no zombies, no threads.

use std::fs;
use std::time::Duration;

use manyhands_processes::{Command, InputFrom, OutputTo};
use manyhands_wait::timeout;

use super::eventually;

const INNER: &str = "MANYHANDS_PROCESSES_TEST_ALONE";

/// Runs `body` in a process where the test called `name` is the only one: it counts what belongs to
/// the whole process.
pub(super) fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INNER).is_some() {
        return body();
    }
    let this = std::env::current_exe().unwrap();
    let test = Command::new(this).args(["--exact", name, "--nocapture"]).env(INNER, "1");
    let output = test.merge_stderr().output().unwrap();
    assert!(output.is_success(), "{}", output.stdout_text());
    assert!(output.stdout_text().contains("1 passed"), "{}", output.stdout_text());
}

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// All children of this process, dead or alive, but the warden: that stays.
fn children() -> Vec<String> {
    let this = std::process::id().to_string();
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let numbers = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_ours = |pid: &String| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').nth(1) == Some(&this));
        fields.unwrap_or(false) && !stat.contains("(program-warden)")
    };
    numbers.filter(|name| name.parse::<u32>().is_ok()).filter(is_ours).collect()
}

/// One of everything that can become of a program.
fn all_kinds_of_ends() {
    Command::new("true").output().unwrap();
    Command::new("cat").input(vec![0; 100_000]).output().unwrap();
    Command::new("no-such-program").output().unwrap_err();
    Command::new("/etc/passwd").output().unwrap_err();
    Command::new("true").current_dir("/no/such/folder").output().unwrap_err();
    Command::new("cat").stdin(InputFrom::File("/no/such/file".into())).output().unwrap_err();
    Command::new("yes").max_output(10).output().unwrap_err();
    Command::new("sleep").arg("30").timeout(Duration::from_millis(5)).output().unwrap_err();
    timeout(Duration::from_millis(5), || Command::new("sleep").arg("30").output()).unwrap_err();
    Command::new("yes").pipe(Command::new("head").arg("-1")).output().unwrap();
    Command::new("yes").pipe(Command::new("no-such-program")).output().unwrap_err();
    let cat = Command::new("cat").stdin(InputFrom::Pipe).stdout(OutputTo::Capture);
    cat.start().unwrap().communicate().unwrap();
    cat.start().unwrap().wait().unwrap();
    drop(cat.start().unwrap());
    cat.start().unwrap().detach();
    let mut ended = Command::new("true").start().unwrap();
    ended.wait().unwrap();
    ended.detach();
}

#[test]
fn descriptors_processes_and_threads_are_given_back() {
    alone("command::hygiene::descriptors_processes_and_threads_are_given_back", || {
        all_kinds_of_ends();
        eventually("no child is left", || children().is_empty());
        eventually("the reaper has gone", || count("/proc/self/task") <= 2);
        let before = count("/proc/self/fd");
        for _ in 0..10 {
            all_kinds_of_ends();
        }
        eventually("no child is left", || children().is_empty());
        eventually("no descriptor is left", || count("/proc/self/fd") <= before);
        eventually("no thread is left", || count("/proc/self/task") <= 2);
    });
}

#[test]
fn without_descriptors_it_is_an_error_and_nothing_is_left() {
    alone("command::hygiene::without_descriptors_it_is_an_error_and_nothing_is_left", || {
        Command::new("true").output().unwrap();
        let before = count("/proc/self/fd");
        // From none left to enough: every step of the way fails once.
        let mut held = Vec::new();
        limit_descriptors(before + 24);
        while let Ok(file) = fs::File::open("/dev/null") {
            held.push(file);
        }
        let mut failures = 0;
        while Command::new("true").output().is_err() {
            failures += 1;
            held.pop().expect("with all of them given back it works");
        }
        assert!(failures > 3, "{failures}");
        held.clear();
        eventually("no descriptor is left", || count("/proc/self/fd") <= before);
        assert!(children().is_empty());
    });
}

fn limit_descriptors(count: usize) {
    let limit = libc::rlimit { rlim_cur: count as u64, rlim_max: count as u64 };
    // SAFETY: reads a complete structure.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

#[test]
fn closed_standard_streams_of_ours_do_no_harm() {
    alone("command::hygiene::closed_standard_streams_of_ours_do_no_harm", || {
        // What is opened next gets the number of our standard input.
        // SAFETY: nothing in this process uses it.
        assert_eq!(unsafe { libc::close(0) }, 0);
        let output = Command::new("cat").input("in").output().unwrap();
        assert_eq!(output.stdout(), b"in");
        let both = Command::new("echo").arg("x").pipe(Command::new("cat")).output().unwrap();
        assert_eq!(both.stdout(), b"x\n");
    });
}

#[test]
fn a_program_that_was_reaped_by_somebody_else_is_told() {
    alone("command::hygiene::a_program_that_was_reaped_by_somebody_else_is_told", || {
        // SAFETY: tells the kernel to reap the children of this process by itself.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        let error = Command::new("echo").arg("x").output().unwrap_err();
        assert!(error.to_string().contains("SIGCHLD"), "{error}");
        assert_eq!(error.output().unwrap().stdout(), b"x\n");
        let error = Command::new("true").start().unwrap().wait().unwrap_err();
        assert!(error.to_string().contains("SIGCHLD"), "{error}");
    });
}

#[test]
fn many_at_once() {
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            std::thread::spawn(move || {
                for round in 0..25 {
                    let word = format!("{thread}-{round}");
                    let output = Command::new("cat").input(word.clone()).output().unwrap();
                    assert_eq!(output.stdout_text(), word);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
