//! Processes: results, ends, signals, names, environments, and what they leave untouched.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use manyhands_executor::{TaskErrorKind, wait_all};
use manyhands_processes::{Process, StartErrorKind, active_children, in_worker};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::patience::{LONG, eventually};

fn sleep_for_ever(_: ()) {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

#[test]
fn a_function_runs_in_another_process_and_its_result_comes_back() {
    let process = Process::start(|n: u32| (n + 1, std::process::id(), in_worker()), 41).unwrap();
    let pid = process.pid();
    assert_ne!(pid, std::process::id());
    assert!(!in_worker());
    assert_eq!(process.join().unwrap(), (42, pid, true));
}

#[test]
fn variables_of_this_process_stay_as_they_are() {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    COUNTER.store(5, Ordering::Relaxed);
    let increment = |n: u64| COUNTER.fetch_add(n, Ordering::Relaxed) + n;
    // Each process begins with the static as the program does, not as it is here.
    let processes: Vec<_> = (1..4).map(|n| Process::start(increment, n).unwrap()).collect();
    let seen: Vec<_> = processes.into_iter().map(|process| process.join().unwrap()).collect();
    assert_eq!(seen, [1, 2, 3]);
    assert_eq!(COUNTER.load(Ordering::Relaxed), 5);
}

#[test]
fn a_panic_comes_back_with_its_place_and_the_exit_code_says_so() {
    let process = Process::start(|n: u32| assert!(n != 3, "three is not welcome"), 3).unwrap();
    process.wait();
    assert_eq!((process.exit_code(), process.signal()), (Some(101), None));
    assert!(process.error().unwrap().is_panicked());
    let error = process.join().unwrap_err();
    assert_eq!(error.message(), "three is not welcome");
    assert!(error.location().unwrap().starts_with(file!()), "{error:?}");
}

#[test]
fn a_process_that_aborts_says_by_which_signal() {
    let process = Process::<()>::start(|()| std::process::abort(), ()).unwrap();
    process.wait();
    assert_eq!((process.exit_code(), process.signal()), (None, Some(libc::SIGABRT)));
    let error = process.join().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::WorkerDied);
    assert!(error.message().contains("signal 6 (SIGABRT)"), "{error}");
    let death = error.worker_death().unwrap();
    assert_eq!((death.signal, death.exit_code, death.likely_oom), (Some(6), None, false));
}

#[test]
fn a_segmentation_fault_is_the_end_of_that_process_only() {
    // SAFETY: none: that is what is tested, in a process of its own.
    let process = Process::start(|at: usize| unsafe { (at as *const u8).read_volatile() }, 8);
    let error = process.unwrap().join().unwrap_err();
    assert!(error.message().contains("signal 11"), "{error}");
}

#[test]
fn an_exit_inside_the_function_is_no_result() {
    for code in [0, 3] {
        let process = Process::<()>::start(|code: i32| std::process::exit(code), code).unwrap();
        process.wait();
        assert_eq!(process.exit_code(), Some(code));
        let error = process.join().unwrap_err();
        assert_eq!(error.kind(), TaskErrorKind::WorkerDied);
        assert!(error.message().contains(&format!("exited with code {code}")), "{error}");
    }
}

#[test]
fn a_stack_that_overflows_says_so_and_ends_that_process_only() {
    fn overflow(n: u64) -> u64 {
        let here = std::hint::black_box([n; 256]);
        if n == u64::MAX { 0 } else { overflow(n + 1) + here[0] }
    }
    let error = Process::start(overflow, 0).unwrap().join().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::WorkerDied);
}

#[test]
fn an_allocation_past_the_limit_ends_that_process_only() {
    let limit = 1 << 30;
    let greedy = |bytes: usize| std::hint::black_box(vec![1_u8; bytes]).len();
    let process = Process::builder().memory_limit(limit).start(greedy, 2 << 30).unwrap();
    let error = process.join().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::WorkerDied);
    // What fits is fine.
    let process = Process::builder().memory_limit(limit).start(greedy, 1 << 20).unwrap();
    assert_eq!(process.join().unwrap(), 1 << 20);
}

#[test]
fn terminate_and_kill_end_it() {
    let process = Process::start(sleep_for_ever, ()).unwrap();
    assert!(process.is_alive());
    assert_eq!((process.exit_code(), process.signal()), (None, None));
    assert!(process.join_timeout(Duration::from_millis(5)).is_err());
    process.terminate().unwrap();
    process.join_timeout(LONG).unwrap();
    assert!(!process.is_alive());
    assert_eq!(process.signal(), Some(libc::SIGTERM));
    // Once it has ended there is nobody to signal.
    process.terminate().unwrap();
    process.kill().unwrap();

    // One that computes, and has said that SIGTERM is nothing to it.
    let stubborn = |()| {
        // SAFETY: ignoring a signal is always possible.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
        let mut n = 0_u64;
        loop {
            n = std::hint::black_box(n.wrapping_add(1));
        }
    };
    let process: Process = Process::start(stubborn, ()).unwrap();
    process.kill().unwrap();
    process.join_timeout(LONG).unwrap();
    assert_eq!(process.signal(), Some(libc::SIGKILL));
    let error = process.join().unwrap_err();
    assert!(!error.message().contains("memory"), "it was us: {error}");
}

#[test]
fn large_arguments_and_results_travel_though_nobody_joins_meanwhile() {
    let reverse = |mut bytes: Vec<u8>| {
        bytes.reverse();
        bytes
    };
    let bytes: Vec<u8> = (0..4_000_000_u32).map(|n| (n % 251) as u8).collect();
    let process = Process::start(reverse, bytes.clone()).unwrap();
    // It ends by itself: its result does not wait for anybody to take it.
    eventually("it has ended", || !process.is_alive());
    let back = process.join().unwrap();
    assert!(back.iter().rev().eq(&bytes));
}

/// Can be made, and neither sent nor received.
#[derive(Debug)]
enum Stubborn {
    NotEncoded,
    NotDecoded,
}

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stubborn::NotEncoded => Err(serde::ser::Error::custom("I stay")),
            Stubborn::NotDecoded => 1_u8.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stubborn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?;
        Err(serde::de::Error::custom("I do not arrive"))
    }
}

#[test]
fn what_cannot_be_coded_is_an_error_that_says_what() {
    let error = Process::start(|_: Stubborn| (), Stubborn::NotEncoded).unwrap_err();
    assert_eq!(error.kind(), StartErrorKind::NotPortable);
    assert!(error.to_string().contains("Stubborn was not encoded"), "{error}");
    let error = Process::start(|_: Stubborn| (), Stubborn::NotDecoded).unwrap().join().unwrap_err();
    assert!(error.is_codec() && error.message().contains("Stubborn"), "{error}");
    let give = |n: u8| if n == 0 { Stubborn::NotEncoded } else { Stubborn::NotDecoded };
    for (n, why) in [(0, "Stubborn"), (1, "Stubborn")] {
        let error = Process::start(give, n).unwrap().join().unwrap_err();
        assert!(error.is_codec() && error.message().contains(why), "{error}");
    }
}

#[test]
fn names_are_shown_here_and_to_the_system() {
    let comm = |()| std::fs::read_to_string("/proc/self/comm").unwrap();
    let process = Process::builder().name("a rather long name").start(comm, ()).unwrap();
    assert_eq!(process.name(), "a rather long name");
    assert!(format!("{process:?}").contains("a rather long name"));
    assert_eq!(process.join().unwrap(), "a rather long n\n");
    let process =
        Process::start(|()| std::thread::current().name().map(str::to_owned), ()).unwrap();
    let name = process.name().to_owned();
    assert!(name.starts_with("Process-"), "{name}");
    assert_eq!(process.join().unwrap().as_deref(), Some(&*name));
    let error = Process::builder().name("x".repeat(2000)).start(sleep_for_ever, ()).unwrap_err();
    assert!(error.to_string().contains("2000"), "{error}");
}

#[test]
fn the_environment_is_ours_with_changes() {
    let get = |name: String| std::env::var(name).ok();
    let variable = |builder: manyhands_processes::ProcessBuilder, name: &str| {
        builder.start(get, name.to_owned()).unwrap().join().unwrap()
    };
    let builder = || Process::builder().env("MANYHANDS_A", "1").env_remove("CARGO_PKG_NAME");
    assert_eq!(variable(builder(), "MANYHANDS_A").as_deref(), Some("1"));
    assert_eq!(variable(builder(), "CARGO_PKG_NAME"), None);
    assert_eq!(variable(builder(), "PATH"), std::env::var("PATH").ok());
    let all = |()| std::env::vars().collect::<Vec<_>>();
    let process = Process::builder().env("ONLY", "this").env_clear().start(all, ()).unwrap();
    assert_eq!(process.join().unwrap(), [("ONLY".to_owned(), "this".to_owned())]);
    let error = Process::builder().env("A=B", "1").start(sleep_for_ever, ()).unwrap_err();
    assert!(error.to_string().contains("A=B"), "{error}");
}

#[test]
fn those_that_are_alive_are_listed() {
    let process = Process::builder().name("listed").daemon(true).start(sleep_for_ever, ()).unwrap();
    let listed = || active_children().into_iter().find(|child| child.pid() == process.pid());
    let child = listed().unwrap();
    assert_eq!((child.name(), child.is_daemon(), child.is_alive()), ("listed", true, true));
    child.terminate().unwrap();
    process.join_timeout(LONG).unwrap();
    assert!(listed().is_none());
    assert!(!child.is_alive());
    assert_eq!(process.signal(), Some(libc::SIGTERM));
}

#[test]
fn processes_start_processes() {
    fn down(depth: u32) -> Vec<u32> {
        let mut pids = match depth {
            0 => Vec::new(),
            _ => Process::start(down, depth - 1).unwrap().join().unwrap(),
        };
        pids.push(std::process::id());
        pids
    }
    let mut pids = down(3);
    assert_eq!(pids.len(), 4);
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 4);
}

#[test]
fn they_mix_with_tasks() {
    let tasks: Vec<_> =
        (0..5_u64).map(|n| Process::start(|n: u64| n * n, n).unwrap().into_task()).collect();
    assert_eq!(wait_all(&tasks).done.len(), 5);
    let sum: u64 = tasks.into_iter().map(|task| task.result().unwrap()).sum();
    assert_eq!(sum, 30);
}

#[tokio::test]
async fn async_code_on_one_thread_awaits_them() {
    let process = Process::builder().start_async(|n: u64| n + 1, 1).await.unwrap();
    assert_eq!(process.await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn async_code_on_many_threads_may_block_on_them() {
    let process = Process::start(|n: u64| n + 1, 1).unwrap();
    assert_eq!(process.join().unwrap(), 2);
}

#[test]
fn a_start_that_may_take_no_time_times_out_and_leaves_nothing() {
    // It may have reported before anybody looked; then it is not to be waited for.
    let builder = Process::builder().start_timeout(Duration::ZERO).daemon(true);
    let error = builder.start(sleep_for_ever, ());
    if let Err(error) = error {
        assert_eq!(error.kind(), StartErrorKind::TimedOut);
        assert!(error.to_string().contains("init()"), "{error}");
    }
}

#[test]
fn a_wait_for_a_process_honours_the_deadline_around_it() {
    let process = Process::start(sleep_for_ever, ()).unwrap();
    let began = Instant::now();
    let waited = manyhands_wait::timeout(Duration::from_millis(20), || process.wait());
    assert!(waited.is_err() && began.elapsed() >= Duration::from_millis(20));
    process.kill().unwrap();
}
