//! The scenarios: what each process does, and how it is to end.
//!
//! Work that must be waited for does not end before `main` has: it waits until the process is
//! ending, and then prints. Work that must not be waited for never ends.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use manyhands_executor::{Executor, InProcess, Shutdown, Task};
use manyhands_threads::{Thread, ThreadPool, exit};
use manyhands_wait::{CancelToken, timeout, with_cancel_token};

use crate::harness::{Expected, Scenario};

macro_rules! scenarios {
    ($($name:ident => $code:literal, $printed:literal $(, $error:literal)*;)+) => {
        /// All of them.
        pub(crate) const ALL: &[Scenario] = &[$(Scenario {
            name: stringify!($name),
            play: $name,
            expected: Expected { code: $code, printed: $printed, errors: &[$($error),*] },
        }),+];
    };
}

scenarios! {
    item_53_main_returns_and_the_pools_work_is_finished => 7, "main\nwork\nwork\nwork\n";
    item_53_exit_is_called_and_the_pools_work_is_finished => 3, "main\nwork\n";
    item_53_main_panics_and_the_pools_work_is_finished => 101, "main\nwork\n", "main is unwell";
    item_54_nothing_is_submitted_while_the_process_ends => 0, "refused: shut down\n";
    item_57_a_pool_that_was_left_to_itself_does_not_hang => 0, "main\nwork\n";
    item_58_nor_does_one_whose_task_was_cancelled_at_once => 0, "main\n";
    item_58_nor_does_one_whose_running_task_was_cancelled => 0, "main\n";
    a_daemon_pool_is_not_waited_for => 0, "main\n";
    a_thread_is_waited_for => 0, "main\nthread\n";
    a_daemon_thread_is_not_waited_for => 0, "main\n";
    a_thread_that_a_thread_started_is_waited_for => 0, "main\ninner\n";
    a_cancelled_thread_ends_and_is_waited_for => 0, "main\ncleaned up\n";
    a_value_that_nobody_wants_is_dropped_before_the_end => 0, "main\nflushed\n";
    a_worker_may_exit => 4, "worker\n";
    a_worker_that_exits_waits_for_other_pools => 4, "worker\nwork\n";
    a_thread_may_exit_while_main_waits_for_it => 5, "thread\n";
    an_exit_inside_a_passed_deadline_still_waits => 0, "work\nthread\n";
    an_exit_inside_a_cancelled_scope_still_waits => 0, "work\n";
    an_idle_pool_that_was_never_dropped_is_ended => 0, "main\n";
    a_slow_end_says_for_whom_it_waits => 0, "main\n", "the program ends when thread 'slowcoach'";
    a_thread_whose_value_panics_when_dropped_does_not_hang => 0, "main\n", "a bomb went off";
    jobs_of_one_pool_may_wait_for_another_while_the_process_ends => 0, "main\n42\n";
}

/// Waits until the process is ending; by then `main` has printed.
fn until_exiting() {
    while !exit::is_exiting() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Prints and sees that it is out: standard output is not flushed for those who come late.
fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}

/// Never ends, and cannot be cancelled.
fn forever() {
    loop {
        std::thread::park();
    }
}

/// A pool whose workers outlive every handle.
fn pool(workers: usize) -> &'static ThreadPool {
    Box::leak(Box::new(ThreadPool::new(workers).unwrap()))
}

fn late_work(pool: &ThreadPool) {
    drop(pool.spawn(|| {
        until_exiting();
        say("work");
    }));
}

fn begun<R: 'static>(task: &Task<R>) {
    while !task.is_running() {
        std::thread::yield_now();
    }
}

fn item_53_main_returns_and_the_pools_work_is_finished() -> ExitCode {
    let pool = pool(1);
    for _ in 0..3 {
        late_work(pool);
    }
    say("main");
    ExitCode::from(7)
}

fn item_53_exit_is_called_and_the_pools_work_is_finished() -> ExitCode {
    late_work(pool(1));
    say("main");
    std::process::exit(3)
}

fn item_53_main_panics_and_the_pools_work_is_finished() -> ExitCode {
    late_work(pool(1));
    say("main");
    panic!("main is unwell")
}

fn item_54_nothing_is_submitted_while_the_process_ends() -> ExitCode {
    let pool = pool(2);
    drop(pool.spawn(move || {
        until_exiting();
        let error = pool.spawn(|| ()).result().unwrap_err();
        assert!(error.is_rejected());
        assert!(pool.try_spawn(|| ()).is_err());
        // Neither by a pool that is made now.
        assert!(ThreadPool::new(1).unwrap().spawn(|| ()).result().unwrap_err().is_rejected());
        say("refused: shut down");
    }));
    ExitCode::SUCCESS
}

fn item_57_a_pool_that_was_left_to_itself_does_not_hang() -> ExitCode {
    let pool = pool(2);
    late_work(pool);
    pool.shutdown(Shutdown::DETACH);
    say("main");
    ExitCode::SUCCESS
}

fn item_58_nor_does_one_whose_task_was_cancelled_at_once() -> ExitCode {
    let pool = pool(1);
    let first = pool.spawn(|| ());
    let second = pool.spawn(|| ());
    second.cancel();
    first.cancel();
    pool.shutdown(Shutdown::DETACH);
    say("main");
    ExitCode::SUCCESS
}

fn item_58_nor_does_one_whose_running_task_was_cancelled() -> ExitCode {
    let pool = pool(1);
    let task = pool.spawn(|| manyhands_wait::sleep(Duration::from_secs(3600)));
    begun(&task);
    task.cancel();
    say("main");
    ExitCode::SUCCESS
}

fn a_daemon_pool_is_not_waited_for() -> ExitCode {
    let pool = ThreadPool::builder().workers(2).daemon(true).build().unwrap();
    let pool: &'static ThreadPool = Box::leak(Box::new(pool));
    let task = pool.spawn(forever);
    begun(&task);
    drop(pool.spawn(forever));
    say("main");
    ExitCode::SUCCESS
}

fn a_thread_is_waited_for() -> ExitCode {
    drop(Thread::spawn(|| {
        until_exiting();
        say("thread");
    }));
    say("main");
    ExitCode::SUCCESS
}

fn a_daemon_thread_is_not_waited_for() -> ExitCode {
    drop(Thread::builder().daemon(true).start(forever).unwrap());
    say("main");
    ExitCode::SUCCESS
}

fn a_thread_that_a_thread_started_is_waited_for() -> ExitCode {
    drop(Thread::spawn(|| {
        until_exiting();
        drop(Thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            say("inner");
        }));
    }));
    say("main");
    ExitCode::SUCCESS
}

fn a_cancelled_thread_ends_and_is_waited_for() -> ExitCode {
    struct CleansUp;
    impl Drop for CleansUp {
        fn drop(&mut self) {
            until_exiting();
            say("cleaned up");
        }
    }
    let ready = Arc::new(AtomicBool::new(false));
    let thread = Thread::spawn({
        let ready = Arc::clone(&ready);
        move || {
            let _cleans_up = CleansUp;
            ready.store(true, Ordering::Release);
            manyhands_wait::sleep(Duration::from_secs(3600));
        }
    });
    while !ready.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    thread.cancel();
    say("main");
    ExitCode::SUCCESS
}

fn a_value_that_nobody_wants_is_dropped_before_the_end() -> ExitCode {
    struct Flushes;
    impl Drop for Flushes {
        fn drop(&mut self) {
            until_exiting();
            say("flushed");
        }
    }
    let go = Arc::new(AtomicBool::new(false));
    let thread = Thread::spawn({
        let go = Arc::clone(&go);
        move || {
            while !go.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            Flushes
        }
    });
    drop(thread);
    go.store(true, Ordering::Release);
    say("main");
    ExitCode::SUCCESS
}

fn a_worker_may_exit() -> ExitCode {
    let pool = pool(2);
    let task = pool.spawn(|| {
        say("worker");
        std::process::exit(4)
    });
    task.wait();
    ExitCode::SUCCESS
}

fn a_worker_that_exits_waits_for_other_pools() -> ExitCode {
    let (exits, works) = (pool(1), pool(1));
    late_work(works);
    let task = exits.spawn(|| {
        say("worker");
        std::process::exit(4)
    });
    task.wait();
    ExitCode::SUCCESS
}

fn a_thread_may_exit_while_main_waits_for_it() -> ExitCode {
    let thread = Thread::spawn(|| {
        say("thread");
        std::process::exit(5)
    });
    thread.wait();
    ExitCode::SUCCESS
}

fn an_exit_inside_a_passed_deadline_still_waits() -> ExitCode {
    late_work_and_thread();
    let ended = timeout(Duration::ZERO, || std::process::exit(0));
    unreachable!("{ended:?}")
}

fn late_work_and_thread() {
    static WORK_IS_SAID: AtomicBool = AtomicBool::new(false);
    drop(pool(1).spawn(|| {
        until_exiting();
        std::thread::sleep(Duration::from_millis(20));
        say("work");
        WORK_IS_SAID.store(true, Ordering::Release);
    }));
    drop(Thread::spawn(|| {
        until_exiting();
        while !WORK_IS_SAID.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        say("thread");
    }));
}

fn an_exit_inside_a_cancelled_scope_still_waits() -> ExitCode {
    late_work(pool(1));
    let token = CancelToken::new();
    token.cancel();
    let ended = with_cancel_token(&token, || std::process::exit(0));
    unreachable!("{ended:?}")
}

fn an_idle_pool_that_was_never_dropped_is_ended() -> ExitCode {
    let pool = pool(3);
    let tasks: Vec<_> = (0..3).map(|n| pool.spawn(move || n)).collect();
    assert_eq!(tasks.into_iter().map(|task| task.result().unwrap()).sum::<i32>(), 3);
    say("main");
    ExitCode::SUCCESS
}

fn a_slow_end_says_for_whom_it_waits() -> ExitCode {
    let slow = Thread::builder().name("slowcoach").start(|| {
        until_exiting();
        std::thread::sleep(Duration::from_millis(2500));
    });
    drop(slow.unwrap());
    say("main");
    ExitCode::SUCCESS
}

fn a_thread_whose_value_panics_when_dropped_does_not_hang() -> ExitCode {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a bomb went off");
        }
    }
    let go = Arc::new(AtomicBool::new(false));
    let thread = Thread::spawn({
        let go = Arc::clone(&go);
        move || {
            while !go.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            Bomb
        }
    });
    drop(thread);
    go.store(true, Ordering::Release);
    say("main");
    ExitCode::SUCCESS
}

fn jobs_of_one_pool_may_wait_for_another_while_the_process_ends() -> ExitCode {
    let (first, second) = (pool(1), pool(1));
    let answer = second.spawn(|| {
        until_exiting();
        42
    });
    drop(first.spawn(move || say(&answer.result().unwrap().to_string())));
    say("main");
    ExitCode::SUCCESS
}
