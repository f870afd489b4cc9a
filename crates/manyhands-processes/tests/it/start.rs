//! What a process finds when it begins, what it leaves behind, and when none is started.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

use manyhands_processes::{Process, StartErrorKind, set_executable};

use crate::descendants::{mark_of, marked};
use crate::patience::{LONG, eventually};

/// What the descriptors of this process lead to.
fn descriptors(_: ()) -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let numbered = entries.filter_map(|path| {
        let number = path.file_name()?.to_str()?.parse().ok()?;
        // The directory itself is closed when its entry is looked at.
        let target = fs::read_link(&path).ok()?.to_string_lossy().into_owned();
        (!target.ends_with("/fd")).then_some((number, target))
    });
    let mut all: Vec<_> = numbered.collect();
    all.sort();
    all
}

/// One line of `/proc/self/status` of a process, as the number of a set of signals.
fn signal_set(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap()
}

fn contains(set: u64, signal: i32) -> bool {
    set & (1 << (signal - 1)) != 0
}

#[test]
fn only_what_is_meant_for_it_is_open_in_a_worker() {
    // SAFETY: opens a file that is not closed by `execve`, as C libraries do.
    let leaky = unsafe { libc::open(c"/etc/passwd".as_ptr(), libc::O_RDONLY) };
    assert!(leaky >= 0);
    // SAFETY: it was just opened and is nobody else's.
    let leaky = unsafe { OwnedFd::from_raw_fd(leaky) };
    let there = Process::start(descriptors, ()).unwrap().join().unwrap();
    drop(leaky);
    assert_eq!(there[0], (0, "/dev/null".to_owned()), "a worker's input is empty");
    let others: Vec<_> = there[3..].iter().map(|(_, target)| target.as_str()).collect();
    let sockets = others.iter().filter(|target| target.starts_with("socket:")).count();
    let pidfds = others.iter().filter(|target| target.contains("pidfd")).count();
    assert_eq!((sockets, pidfds, others.len()), (2, 1, 3), "{there:?}");
}

#[test]
fn nothing_of_a_worker_is_open_in_programs_that_it_starts() {
    let list = |()| {
        let script = "for fd in /proc/self/fd/*; do readlink $fd; done; echo [$MANYHANDS_WORKER]";
        let output = Command::new("sh").args(["-c", script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = Process::start(list, ()).unwrap().join().unwrap();
    assert!(!printed.contains("socket:") && !printed.contains("pidfd"), "{printed}");
    assert!(printed.ends_with("[]\n"), "the variable is gone: {printed}");
}

#[test]
fn this_program_started_by_a_worker_is_no_worker() {
    let list = |()| {
        let output = Command::new("/proc/self/exe").arg("--list").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = Process::start(list, ()).unwrap().join().unwrap();
    assert!(printed.contains("this_program_started_by_a_worker_is_no_worker: test"), "{printed}");
}

#[test]
fn signals_of_a_worker_are_as_they_should_be() {
    let both = |()| {
        let ours = fs::read_to_string("/proc/thread-self/status").unwrap();
        let program = Command::new("cat").arg("/proc/self/status").output().unwrap();
        (ours, String::from_utf8(program.stdout).unwrap())
    };
    let (worker, program) = Process::start(both, ()).unwrap().join().unwrap();
    for status in [&worker, &program] {
        assert_eq!(signal_set(status, "SigBlk"), 0, "nothing is blocked");
        assert!(!contains(signal_set(status, "SigIgn"), libc::SIGINT));
    }
    assert!(contains(signal_set(&worker, "SigCgt"), libc::SIGINT), "handled, by doing nothing");
    assert!(contains(signal_set(&worker, "SigIgn"), libc::SIGPIPE));
}

#[test]
fn an_interrupt_does_not_end_a_worker() {
    let interrupted = |()| {
        // SAFETY: sends this very process a signal.
        unsafe { libc::kill(libc::getpid(), libc::SIGINT) };
        "still there".to_owned()
    };
    assert_eq!(Process::start(interrupted, ()).unwrap().join().unwrap(), "still there");
}

#[test]
fn a_worker_is_likelier_to_be_killed_than_its_parent() {
    let score = |()| {
        let text = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
        text.trim().parse::<i32>().unwrap()
    };
    assert!(Process::start(score, ()).unwrap().join().unwrap() >= 500);
}

#[test]
fn arguments_are_those_of_the_program() {
    let arguments = |()| std::env::args().collect::<Vec<_>>();
    let there = Process::start(arguments, ()).unwrap().join().unwrap();
    assert_eq!(there, std::env::args().collect::<Vec<_>>());
}

/// The state of every child of this process, as the kernel's letter.
fn states_of_children() -> Vec<char> {
    let me = std::process::id().to_string();
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("stat"));
    let states = entries.filter_map(|stat| {
        let text = fs::read_to_string(stat).ok()?;
        // The name, in parentheses, may contain anything.
        let mut fields = text.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        (fields.next()? == me).then_some(state)
    });
    states.collect()
}

#[test]
fn neither_descriptors_nor_zombies_nor_threads_are_left() {
    /// Whether threads of ours are there that see to single children.
    fn busy() -> bool {
        let threads = fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
        // One that ends meanwhile has no name any more.
        let names = threads.filter_map(|path| fs::read_to_string(path.join("comm")).ok());
        names.into_iter().any(|name| ["manyhands-proce\n", "manyhands-reape\n"].contains(&&*name))
    }
    fn start_many(_: ()) {
        let open = |()| descriptors(()).into_iter().collect::<BTreeSet<_>>();
        // What the first one leaves may stay: a reactor of this thread, and what serves requests.
        let process = Process::start(pass_time, Pastime::Sleeping).unwrap();
        eventually("a thread sees to it", busy);
        process.kill().unwrap();
        process.wait();
        eventually("the thread that sees to processes has ended", || !busy());
        let before = open(());
        for n in 0..10_u32 {
            Process::start(|n: u32| n, n).unwrap().join().unwrap();
            drop(Process::<()>::start(|()| std::process::abort(), ()).unwrap());
            let timed_out = Process::builder().start_timeout(Duration::ZERO).start(|()| (), ());
            drop(timed_out);
        }
        set_executable("/nowhere").unwrap();
        Process::start(|()| (), ()).unwrap_err();
        eventually("no child is left", || states_of_children().is_empty());
        eventually("nor a thread", || !busy());
        // Lines of processes that have ended may still be about to be closed, here and before.
        eventually("nor a descriptor", || open(()).is_subset(&before));
    }
    // In a process of its own, where nothing else happens.
    Process::start(start_many, ()).unwrap().join().unwrap();
}

#[test]
fn children_that_others_reap_are_no_trouble() {
    fn with_children_ignored(_: ()) -> (u64, Option<i32>, bool) {
        // SAFETY: ignoring a signal is always possible.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        let process = Process::start(|n: u64| n + 1, 1).unwrap();
        process.wait();
        let (code, alive) = (process.exit_code(), process.is_alive());
        (process.join().unwrap(), code, alive)
    }
    // How it ended is not known then, what it returned is.
    let seen = Process::start(with_children_ignored, ()).unwrap().join().unwrap();
    assert_eq!(seen, (2, None, false));
}

#[test]
fn workers_that_start_workers_come_to_an_end() {
    fn dig(depth: u32) -> (u32, String) {
        match Process::start(dig, depth + 1) {
            Ok(process) => process.join().unwrap(),
            Err(error) => (depth, format!("{:?}: {error}", error.kind())),
        }
    }
    let (depth, error) = dig(0);
    assert_eq!(depth, 8);
    assert!(error.starts_with("TooDeep: ") && error.contains("8 levels"), "{error}");
}

#[test]
fn without_descriptors_the_error_says_so_and_later_it_works_again() {
    fn exhausted(_: ()) -> Vec<String> {
        // The reactor that `join` waits with needs descriptors too, and where tokio is built with its
        // signals it panics without them.
        manyhands_io::prepare().unwrap();
        let limit = rustix::process::Rlimit { current: Some(40), maximum: Some(40) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        let mut hoard: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
        let mut errors = Vec::new();
        // With every number of free descriptors, until there are enough.
        loop {
            match Process::start(|()| (), ()) {
                Ok(process) => {
                    process.join().unwrap();
                    return errors;
                }
                Err(error) => errors.push(format!("{:?}: {error}", error.kind())),
            }
            hoard.pop().expect("with all of them free it works");
        }
    }
    let errors = Process::start(exhausted, ()).unwrap().join().unwrap();
    assert!(!errors.is_empty());
    for error in &errors {
        assert!(error.starts_with("System: ") && error.contains("ulimit -n"), "{error}");
    }
}

#[test]
fn an_executable_that_is_missing_or_another_program_is_an_error_that_says_so() {
    fn with_executable(path: String) -> String {
        set_executable(path).unwrap();
        let error = Process::builder().name("odd").start(|()| (), ()).unwrap_err();
        format!("{:?}: {error}", error.kind())
    }
    let error_of =
        |path: &str| Process::start(with_executable, path.to_owned()).unwrap().join().unwrap();
    let missing = error_of("/nowhere/at/all");
    assert!(missing.starts_with("System: ") && missing.contains("'odd'"), "{missing}");
    assert!(missing.contains("No such file"), "{missing}");
    let other = error_of("/bin/true");
    assert!(other.starts_with("DiedEarly: ") && other.contains("set_executable"), "{other}");
    assert!(set_executable("with\0nul").is_err());
}

#[test]
fn this_binary_by_another_path_is_fine() {
    fn by_path(path: String) -> u64 {
        set_executable(path).unwrap();
        Process::start(|n: u64| n + 1, 1).unwrap().join().unwrap()
    }
    let path = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    assert_eq!(Process::start(by_path, path).unwrap().join().unwrap(), 2);
}

#[test]
fn a_program_that_runs_is_told_when_it_has_too_large_an_environment() {
    let error = Process::builder().env("LARGE", "x".repeat(8 << 20)).start(|()| (), ());
    let error = error.unwrap_err();
    assert_eq!(error.kind(), StartErrorKind::System);
    assert!(error.to_string().contains("too large"), "{error}");
}

/// How the processes spend their time whose parent is killed.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Pastime {
    Computing,
    Sleeping,
    Stubborn,
}

fn compute() -> ! {
    let mut n = 0_u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

fn pass_time(pastime: Pastime) {
    match pastime {
        Pastime::Computing => {
            // More than there are processors.
            for _ in 0..4 {
                std::thread::spawn(|| compute());
            }
            compute()
        }
        Pastime::Sleeping => std::thread::sleep(LONG * 60),
        Pastime::Stubborn => {
            // SAFETY: a signal can be blocked or ignored at any time.
            unsafe {
                let mut all = std::mem::zeroed();
                libc::sigfillset(&raw mut all);
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
            }
            compute()
        }
    }
}

#[test]
fn processes_end_with_the_one_that_has_started_them() {
    fn start_some(mark: String) {
        let builder = || Process::builder().env("MANYHANDS_MARK", &mark);
        for pastime in [Pastime::Computing, Pastime::Sleeping, Pastime::Stubborn] {
            builder().start(pass_time, pastime).unwrap();
        }
        // They are three, and one of them has one of its own, which must go too.
        builder().start(start_one, mark.clone()).unwrap();
        std::thread::sleep(LONG * 60);
    }
    fn start_one(mark: String) {
        let builder = Process::builder().env("MANYHANDS_MARK", mark);
        builder.start(pass_time, Pastime::Sleeping).unwrap();
        std::thread::sleep(LONG * 60);
    }
    let mark = mark_of("ending");
    let parent = Process::start(start_some, mark.clone()).unwrap();
    eventually("all of them are there", || marked(&mark).len() == 5);
    parent.kill().unwrap();
    let killed = std::time::Instant::now();
    eventually("all of them are gone", || marked(&mark).is_empty());
    // On an idle machine it is a few milliseconds.
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
}

#[test]
fn processes_end_though_they_were_about_to_begin() {
    fn start_and_vanish(mark: String) {
        std::thread::spawn(move || {
            loop {
                let builder = Process::builder().env("MANYHANDS_MARK", &mark);
                drop(builder.start(pass_time, Pastime::Computing));
            }
        });
        std::thread::sleep(LONG * 60);
    }
    let mark = mark_of("beginning");
    for delay in 0..10_u64 {
        let parent = Process::start(start_and_vanish, mark.clone()).unwrap();
        std::thread::sleep(Duration::from_micros(300 * delay));
        parent.kill().unwrap();
        parent.wait();
    }
    eventually("all of them are gone", || marked(&mark).is_empty());
}

#[test]
fn a_forged_variable_is_an_error_that_names_it() {
    for forged in
        ["", "nonsense", "0 1 before-main", "77 1 init", "-1 1 init", "3 99999999999 init"]
    {
        let output = Command::new("/proc/self/exe")
            .arg("--list")
            .env("MANYHANDS_WORKER", forged)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(113), "{forged:?}: {errors}");
        assert!(errors.contains("MANYHANDS_WORKER"), "{forged:?}: {errors}");
        assert!(output.stdout.is_empty(), "`main` was not reached");
    }
}

#[test]
fn a_hostile_greeting_ends_the_worker_and_no_more() {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::CommandExt;
    let long = [&u32::MAX.to_le_bytes()[..], &[0; 100]].concat();
    let garbage = [&64_u32.to_le_bytes()[..], &[0xa5; 64]].concat();
    let short = [&64_u32.to_le_bytes()[..], &[0xa5; 10]].concat();
    for greeting in [&long[..], &garbage, &short, &[0; 4], &[1], &[]] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let number = theirs.as_raw_fd();
        let mut command = Command::new("/proc/self/exe");
        command.arg("--list").env("MANYHANDS_WORKER", "3 1 before-main");
        // SAFETY: between `fork` and `execve` only system calls are made.
        unsafe {
            command.pre_exec(move || {
                match (libc::dup2(number, 3), libc::fcntl(3, libc::F_SETFD, 0)) {
                    (3, 0) => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            })
        };
        let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        drop((command, theirs));
        let _gone = ours.write_all(greeting);
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(112 | 113)), "{greeting:?}: {output:?}");
        assert!(output.stdout.is_empty(), "`main` was not reached");
    }
}
