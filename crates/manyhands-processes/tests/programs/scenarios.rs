//! The scenarios: each is a `main`.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use manyhands_processes::{Process, active_children, in_worker, init};

use crate::harness::{Expected, Scenario};

/// Ends well, prints this, and nothing else.
const fn prints(printed: &'static str) -> Expected {
    Expected { code: 0, printed, errors: &[] }
}

/// Ends well, prints this, and the parts on standard error.
const fn prints_and_says(printed: &'static str, errors: &'static [&'static str]) -> Expected {
    Expected { code: 0, printed, errors }
}

macro_rules! scenarios {
    ($($name:ident: $expected:expr,)+) => {
        pub(crate) const ALL: &[Scenario] = &[$(
            Scenario { name: stringify!($name), play: $name, expected: $expected },
        )+];
    };
}

scenarios! {
    with_init_workers_come_through_main: prints("main\nmain\n42\n"),
    without_init_workers_do_not_come_to_main: prints("main\n42\n"),
    with_init_a_worker_has_the_main_thread: prints("true\n"),
    with_init_workers_start_workers: prints("42\n"),
    a_main_that_ends_before_init_is_told: prints_and_says("", &["DiedEarly", "exit code 0", "init()"]),
    a_main_that_stays_away_from_init_is_told: prints_and_says("", &["TimedOut", "init()"]),
    a_main_that_starts_workers_before_init_is_told: prints_and_says("", &["InitMissing", "init()", "DiedEarly"]),
    an_init_that_comes_after_a_start_is_fine: prints("42\n42\n"),
    a_binary_that_was_removed_still_works: prints("42\n"),
    a_binary_that_was_replaced_still_works: prints("42\n"),
    closed_standard_descriptors_are_no_trouble: prints("done\n"),
    an_overflow_of_the_stack_is_reported: prints_and_says("6\n", &["thread 'deep' has overflowed its stack"]),
    an_overflow_of_the_stack_is_reported_with_init: prints_and_says("6\n", &["has overflowed its stack"]),
    a_fault_that_is_no_overflow_is_what_it_was: prints("11\n"),
    what_a_process_prints_last_is_not_lost: prints("no end of line"),
    processes_that_are_not_daemons_are_waited_for: prints("main ends\nlate\n"),
    those_of_a_process_are_waited_for_too: prints("main ends\nmiddle ends\nlate\n"),
    daemons_are_terminated_at_the_end: prints("main ends\n"),
    an_exit_waits_like_the_end_of_main: Expected { code: 3, printed: "late\n", errors: &[] },
    an_exit_in_a_callback_does_not_hang: Expected { code: 4, printed: "", errors: &[] },
    a_long_wait_at_the_end_says_for_whom: prints_and_says("late\n", &["the program ends when process 'slow'"]),
}

fn double(n: u64) -> u64 {
    n * 2
}

fn print_double_of_21() {
    let process = Process::start(double, 21).expect("a process is started");
    println!("{}", process.join().expect("it returns"));
}

fn with_init_workers_come_through_main() -> ExitCode {
    println!("main");
    init();
    print_double_of_21();
    ExitCode::SUCCESS
}

fn without_init_workers_do_not_come_to_main() -> ExitCode {
    println!("main");
    print_double_of_21();
    ExitCode::SUCCESS
}

fn with_init_a_worker_has_the_main_thread() -> ExitCode {
    init();
    // SAFETY: asks for numbers.
    let on_main_thread = |()| unsafe { libc::getpid() == libc::gettid() };
    let process = Process::start(on_main_thread, ()).expect("a process is started");
    println!("{}", process.join().expect("it returns"));
    ExitCode::SUCCESS
}

fn with_init_workers_start_workers() -> ExitCode {
    fn nested(n: u64) -> u64 {
        Process::start(double, n).expect("a process is started").join().expect("it returns")
    }
    init();
    let process = Process::start(nested, 21).expect("a process is started");
    println!("{}", process.join().expect("it returns"));
    ExitCode::SUCCESS
}

fn a_main_that_ends_before_init_is_told() -> ExitCode {
    if in_worker() {
        return ExitCode::SUCCESS;
    }
    init();
    let error = Process::start(double, 21).expect_err("the worker ends before `init`");
    eprintln!("{:?}: {error}", error.kind());
    ExitCode::SUCCESS
}

fn a_main_that_stays_away_from_init_is_told() -> ExitCode {
    while in_worker() {
        std::thread::sleep(Duration::from_secs(3600));
    }
    init();
    let builder = Process::builder().start_timeout(Duration::from_millis(50));
    let error = builder.start(double, 21).expect_err("the worker never comes to `init`");
    eprintln!("{:?}: {error}", error.kind());
    ExitCode::SUCCESS
}

fn a_main_that_starts_workers_before_init_is_told() -> ExitCode {
    if !in_worker() {
        init();
    }
    let error = Process::start(double, 21).expect_err("nothing is started");
    eprintln!("{:?}: {error}", error.kind());
    ExitCode::SUCCESS
}

fn an_init_that_comes_after_a_start_is_fine() -> ExitCode {
    if !in_worker() {
        print_double_of_21();
    }
    init();
    print_double_of_21();
    ExitCode::SUCCESS
}

fn a_binary_that_was_removed_still_works() -> ExitCode {
    let path = std::env::current_exe().expect("it has a path");
    fs::remove_file(path).expect("it can be removed");
    print_double_of_21();
    ExitCode::SUCCESS
}

fn a_binary_that_was_replaced_still_works() -> ExitCode {
    let path = std::env::current_exe().expect("it has a path");
    let other = path.with_extension("new");
    fs::copy("/bin/false", &other).expect("another program can be copied");
    fs::rename(&other, &path).expect("it can be replaced");
    print_double_of_21();
    ExitCode::SUCCESS
}

fn closed_standard_descriptors_are_no_trouble() -> ExitCode {
    fn open_ones(_: ()) -> Vec<String> {
        println!("this goes nowhere");
        let target = |n: u8| fs::read_link(format!("/proc/self/fd/{n}")).expect("it is open");
        (0..3).map(|n| target(n).to_string_lossy().into_owned()).collect()
    }
    // SAFETY: nobody uses them until they are opened again.
    let kept = unsafe {
        let kept = libc::fcntl(libc::STDOUT_FILENO, libc::F_DUPFD_CLOEXEC, 100);
        for fd in 0..3 {
            libc::close(fd);
        }
        kept
    };
    let process = Process::start(open_ones, ()).expect("a process is started");
    let targets = process.join().expect("it returns");
    // SAFETY: what is there meanwhile is not needed any more.
    unsafe { libc::dup2(kept, libc::STDOUT_FILENO) };
    match targets.iter().all(|target| target == "/dev/null") {
        true => println!("done"),
        false => println!("{targets:?}"),
    }
    ExitCode::SUCCESS
}

fn overflow(n: u64) -> u64 {
    let here = std::hint::black_box([n; 256]);
    if n == u64::MAX { 0 } else { overflow(n + 1) + here[0] }
}

fn print_signal_of_overflow() -> ExitCode {
    let process = Process::builder().name("deep").start(overflow, 0);
    let process = process.expect("a process is started");
    process.wait();
    println!("{}", process.signal().expect("a signal has killed it"));
    let _told = process.join();
    ExitCode::SUCCESS
}

fn an_overflow_of_the_stack_is_reported() -> ExitCode {
    print_signal_of_overflow()
}

fn an_overflow_of_the_stack_is_reported_with_init() -> ExitCode {
    init();
    print_signal_of_overflow()
}

fn a_fault_that_is_no_overflow_is_what_it_was() -> ExitCode {
    // SAFETY: none: that is what is tested, in a process of its own.
    let fault = |at: usize| unsafe { (at as *const u8).read_volatile() };
    let process = Process::start(fault, 8).expect("a process is started");
    process.wait();
    println!("{}", process.signal().expect("a signal has killed it"));
    let _told = process.join();
    ExitCode::SUCCESS
}

fn what_a_process_prints_last_is_not_lost() -> ExitCode {
    let process = Process::start(|()| print!("no end of line"), ()).expect("a process is started");
    process.join().expect("it returns");
    ExitCode::SUCCESS
}

/// Prints after `main` has printed that it ends; nobody can tell when that is, so it is late.
fn print_late(after: Duration) {
    std::thread::sleep(after);
    println!("late");
}

fn processes_that_are_not_daemons_are_waited_for() -> ExitCode {
    println!("main ends");
    Process::start(print_late, Duration::from_millis(50)).expect("a process is started");
    ExitCode::SUCCESS
}

fn those_of_a_process_are_waited_for_too() -> ExitCode {
    fn middle(_: ()) {
        println!("middle ends");
        Process::start(print_late, Duration::from_millis(50)).expect("a process is started");
    }
    println!("main ends");
    Process::start(middle, ()).expect("a process is started");
    ExitCode::SUCCESS
}

fn daemons_are_terminated_at_the_end() -> ExitCode {
    let hour = Duration::from_secs(3600);
    Process::builder().daemon(true).start(print_late, hour).expect("a process is started");
    println!("main ends");
    ExitCode::SUCCESS
}

fn an_exit_waits_like_the_end_of_main() -> ExitCode {
    Process::start(print_late, Duration::from_millis(50)).expect("a process is started");
    std::process::exit(3)
}

fn an_exit_in_a_callback_does_not_hang() -> ExitCode {
    let hour = Duration::from_secs(3600);
    Process::start(print_late, hour).expect("a process is started");
    let process = Process::builder().name("first").start(print_late, hour);
    let task = process.expect("a process is started").into_task();
    // It has not ended yet, so it is the thread that sees to processes who calls this.
    task.on_done(|_| std::process::exit(4));
    let active = active_children();
    let first = active.iter().find(|child| child.name() == "first").expect("it is alive");
    first.kill().expect("it can be killed");
    std::thread::sleep(hour);
    ExitCode::SUCCESS
}

fn a_long_wait_at_the_end_says_for_whom() -> ExitCode {
    let builder = Process::builder().name("slow");
    builder.start(print_late, Duration::from_millis(2500)).expect("a process is started");
    ExitCode::SUCCESS
}
