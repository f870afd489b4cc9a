//! Arguments, environment, working directory, signals and descriptors, as the program sees them.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use manyhands_processes::{Command, OutputTo, ProcessGroup};

fn text(command: &Command) -> String {
    command.clone().check(true).output().unwrap().stdout_text().trim_end().to_owned()
}

#[test]
fn arguments_arrive_as_they_are() {
    let odd = OsString::from_vec(b"not \xff utf-8".to_vec());
    let command = Command::new("printf").arg("%s|").args(["a b", "", "'\"$"]).arg(odd);
    let output = command.output().unwrap();
    assert_eq!(output.stdout(), b"a b||'\"$|not \xff utf-8|");
}

#[test]
fn the_environment_is_ours_with_changes() {
    let print = |name: &str| Command::shell(format!("echo \"${{{name}-unset}}\""));
    assert_eq!(text(&print("PATH")), std::env::var("PATH").unwrap());
    assert_eq!(text(&print("A_VARIABLE").env("A_VARIABLE", "set")), "set");
    assert_eq!(text(&print("HOME").env("HOME", "/h").env_remove("HOME")), "unset");
    assert_eq!(text(&print("A").envs([("A", "1"), ("B", "2")])), "1");
    let cleared = Command::new("/usr/bin/env").env("OLD", "1").env_clear().env("NEW", "2");
    assert_eq!(text(&cleared), "NEW=2");
    let odd = OsStr::from_bytes(b"\xff\xfe");
    let output = Command::new("printenv").arg("ODD").env("ODD", odd).output().unwrap();
    assert_eq!(output.stdout(), b"\xff\xfe\n");
}

#[test]
fn the_program_is_looked_for_in_the_path_that_it_will_see() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("a-program-of-this-test");
    std::os::unix::fs::symlink("/bin/echo", &program).unwrap();
    let command = Command::new("a-program-of-this-test").arg("found");
    assert!(command.output().unwrap_err().is_not_found());
    let mut path = folder.path().as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    assert_eq!(text(&command.clone().env("PATH", &path)), "found");
    // Relative entries, and relative programs, are seen from the program's own directory.
    assert_eq!(text(&command.env("PATH", ".").current_dir(folder.path())), "found");
    let relative = Command::new("./a-program-of-this-test").arg("here");
    assert_eq!(text(&relative.current_dir(folder.path())), "here");
}

#[test]
fn without_a_path_there_are_the_usual_places() {
    assert_eq!(text(&Command::new("echo").arg("x").env_clear()), "x");
}

#[test]
fn the_working_directory_is_the_one_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    assert_eq!(text(&Command::new("pwd").current_dir(&folder)), folder.to_str().unwrap());
}

/// What `/proc/self/status` says about the signals of the program.
fn signals(field: &str, command: Command) -> u64 {
    let status = text(&command.arg("/proc/self/status"));
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap()
}

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

#[test]
fn signals_are_as_a_program_expects_them() {
    let before = nothing_blocked_but(libc::SIGTERM);
    let cat = || Command::new("cat");
    let blocked = signals("SigBlk", cat());
    let ignored = signals("SigIgn", cat());
    restore(&before);
    assert_eq!(blocked, 0);
    // The standard library ignores SIGPIPE in this process.
    assert_eq!(ignored & (bit(libc::SIGPIPE) | bit(libc::SIGINT)), 0);
    let ended = Command::shell("kill -PIPE $$; echo alive").output().unwrap();
    assert_eq!(ended.status().unwrap().signal(), Some(libc::SIGPIPE));
    assert!(ended.stdout().is_empty());
}

fn nothing_blocked_but(signal: i32) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    let mut before = std::mem::MaybeUninit::uninit();
    // SAFETY: the first call fills the set, the last the other one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

fn restore(set: &libc::sigset_t) {
    // SAFETY: a set that the kernel has given.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, set, std::ptr::null_mut()) };
}

#[test]
fn only_the_standard_streams_are_open() {
    // One that is not marked to be closed, as C libraries make them.
    let file = std::fs::File::open("/dev/null").unwrap();
    // SAFETY: clears a flag of our own descriptor.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) }, 0);
    let listed = text(&Command::new("ls").arg("/proc/self/fd"));
    // The fourth is the folder that `ls` itself reads.
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
}

/// Process group and session of the program: the fifth and sixth field of its `stat`.
fn membership(command: Command) -> (i32, i32, i32) {
    let stat = text(&command.arg("/proc/self/stat"));
    let fields: Vec<i32> = stat
        .rsplit_once(") ")
        .unwrap()
        .1
        .split_whitespace()
        .skip(1)
        .take(3)
        .map(|field| field.parse().unwrap())
        .collect();
    let pid = stat.split(' ').next().unwrap().parse().unwrap();
    (pid, fields[1], fields[2])
}

#[test]
fn groups_and_sessions_are_as_asked_for() {
    // SAFETY: system calls without pointers.
    let (group, session) = unsafe { (libc::getpgid(0), libc::getsid(0)) };
    let cat = || Command::new("cat");
    let (_, inherited, in_session) = membership(cat().process_group(ProcessGroup::Inherit));
    assert_eq!((inherited, in_session), (group, session));
    let (pid, own, in_session) = membership(cat().process_group(ProcessGroup::Own));
    assert_eq!((own, in_session), (pid, session));
    let (pid, own, its_own) = membership(cat().process_group(ProcessGroup::Session));
    assert_eq!((own, its_own), (pid, pid));
}

#[test]
fn a_group_of_its_own_is_for_what_may_be_ended_early() {
    // SAFETY: a system call without pointers.
    let ours = unsafe { libc::getpgid(0) };
    let group = |command: Command| membership(command).1;
    let cat = || Command::new("cat");
    assert_eq!(group(cat()), ours, "nothing can end it early");
    let limit = std::time::Duration::from_secs(600);
    assert_ne!(group(cat().timeout(limit)), ours);
    assert_ne!(manyhands_wait::timeout(limit, || group(cat())).unwrap(), ours);
    let token = manyhands_wait::CancelToken::new();
    assert_ne!(manyhands_wait::with_cancel_token(&token, || group(cat())).unwrap(), ours);
    let reads_ours = cat().timeout(limit).stdin(manyhands_processes::InputFrom::Inherit);
    assert_eq!(group(reads_ours), ours, "a terminal is read from its own group");
    let mut started =
        Command::shell("ps -o pgid= -p $$").stdout(OutputTo::Capture).start().unwrap();
    let pid = started.pid().to_string();
    let mut text = String::new();
    std::io::Read::read_to_string(started.stdout().unwrap(), &mut text).unwrap();
    assert_eq!(text.trim(), pid);
}
