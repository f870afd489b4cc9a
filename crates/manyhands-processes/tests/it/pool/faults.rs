//! What a task can do to its worker, and that it costs that task only. Acceptance items 67 and 73.

use std::time::Duration;

use manyhands_executor::{Executor, ExecutorExt, Shutdown, TaskError, TaskErrorKind};
use manyhands_processes::ProcessPool;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{double, pid};
use crate::patience::eventually;

/// A pool that survives `f`, whose error is returned.
fn error_of<A, R>(f: fn(A) -> R, argument: A) -> TaskError
where
    A: Serialize + for<'a> Deserialize<'a> + Send + 'static,
    R: Serialize + for<'a> Deserialize<'a> + Send + 'static + std::fmt::Debug,
{
    let pool = ProcessPool::new(2).unwrap();
    let before: Vec<_> = (0..10).map(|n| pool.submit(double, n)).collect();
    let task = pool.submit(f, argument);
    let after: Vec<_> = (0..10).map(|n| pool.submit(double, n)).collect();
    let error = task.result().unwrap_err();
    for tasks in [before, after] {
        let results: Vec<u64> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        assert!(results.into_iter().eq((0..10).map(double)), "neighbours are unharmed");
    }
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8, "the pool goes on");
    error
}

#[track_caller]
fn assert_died(error: &TaskError, signal: Option<i32>, code: Option<i32>) {
    assert_eq!(error.kind(), TaskErrorKind::WorkerDied, "{error}");
    let death = error.worker_death().unwrap();
    assert_eq!((death.signal, death.exit_code), (signal, code), "{error}");
    assert!(death.pid > 1);
    assert!(!death.likely_oom);
}

#[test]
fn abort() {
    fn abort(_: ()) {
        eprintln!("these are my last words");
        std::process::abort();
    }
    let error = error_of(abort, ());
    assert_died(&error, Some(libc::SIGABRT), None);
    let death = error.worker_death().unwrap();
    assert!(death.stderr_tail.contains("these are my last words"), "{death:?}");
    assert!(error.to_string().contains("SIGABRT"), "{error}");
}

#[test]
fn last_words_are_those_of_the_task_that_died() {
    fn say_or_die(n: u64) -> u64 {
        if n == 50 {
            std::process::abort();
        }
        eprintln!("these are the words of task {n}");
        n
    }
    let pool = ProcessPool::builder().workers(1).prefetch_depth(64).build().unwrap();
    let last_words = || {
        let tasks: Vec<_> = (0..100).map(|n| pool.submit(say_or_die, n)).collect();
        let errors = tasks.into_iter().filter_map(|task| task.result().err());
        let errors: Vec<TaskError> = errors.collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].worker_death().unwrap().stderr_tail.clone()
    };
    // Where the parent reads just when the task begins there are more; not again and again.
    let all: Vec<String> = (0..20).map(|_| last_words()).collect();
    assert!(all.iter().any(String::is_empty), "{all:?}");
}

fn leave(code: i32) {
    std::process::exit(code);
}

#[test]
fn exit_inside_a_task_is_a_death() {
    assert_died(&error_of(leave, 0), None, Some(0));
    assert_died(&error_of(leave, 7), None, Some(7));
}

#[test]
fn segmentation_fault() {
    // SAFETY: none: that is what is tested, in a process of its own.
    let error = error_of(|at: usize| unsafe { (at as *const u8).read_volatile() }, 8);
    assert_died(&error, Some(libc::SIGSEGV), None);
}

#[test]
fn stack_overflow() {
    fn deeper(n: u64) -> u64 {
        let page = std::hint::black_box([n; 512]);
        if n == u64::MAX { 0 } else { deeper(n + 1) + page[(n % 512) as usize] }
    }
    let error = error_of(deeper, 0);
    assert_eq!(error.kind(), TaskErrorKind::WorkerDied, "{error}");
    let signal = error.worker_death().unwrap().signal;
    assert!(matches!(signal, Some(libc::SIGSEGV | libc::SIGABRT)), "{error}");
}

#[test]
fn acceptance_67_a_child_killed_from_outside_costs_only_its_task() {
    let pool = ProcessPool::new(2).unwrap();
    let long = pool.submit(super::wait_for_ever, ());
    eventually("it runs", || long.is_running());
    let others: Vec<_> = (0..50).map(|n| pool.submit(double, n)).collect();
    for (n, task) in others.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64);
    }
    let idle_one = pool.submit(pid, ()).result().unwrap();
    let victim = pool.worker_pids().into_iter().find(|pid| *pid != idle_one).unwrap();
    let raw = rustix::process::Pid::from_raw(victim as i32).unwrap();
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).unwrap();
    let error = long.result().unwrap_err();
    assert_died(&error, Some(libc::SIGKILL), None);
    assert_eq!(error.worker_death().unwrap().pid, victim);
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8);
}

#[test]
fn an_idle_worker_that_is_killed_costs_nothing() {
    let pool = ProcessPool::new(1).unwrap();
    let first = pool.submit(pid, ()).result().unwrap();
    let raw = rustix::process::Pid::from_raw(first as i32).unwrap();
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).unwrap();
    eventually("its death is known", || pool.statistics().died == 1);
    let second = pool.submit(pid, ()).result().unwrap();
    assert_ne!(first, second);
}

#[test]
fn one_abort_among_a_hundred_loses_exactly_one_at_every_depth() {
    fn fatal_50(n: u64) -> u64 {
        if n == 50 {
            std::process::abort();
        }
        n
    }
    for depth in [Some(1), Some(2), Some(3), Some(8), Some(64), Some(256), None] {
        let mut builder = ProcessPool::builder().workers(2);
        if let Some(depth) = depth {
            builder = builder.prefetch_depth(depth);
        }
        let pool = builder.build().unwrap();
        for _ in 0..3 {
            let tasks: Vec<_> = (0..100).map(|n| pool.submit(fatal_50, n)).collect();
            for (n, task) in tasks.into_iter().enumerate() {
                match task.result() {
                    Ok(value) => assert!(value == n as u64 && n != 50),
                    Err(error) => {
                        assert_eq!(n, 50, "at depth {depth:?}: {error}");
                        assert_died(&error, Some(libc::SIGABRT), None);
                    }
                }
            }
        }
        assert_eq!(pool.statistics().died, 3);
    }
}

#[test]
fn acceptance_68_a_panic_comes_with_its_place_and_costs_no_worker() {
    let pool = ProcessPool::new(1).unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    let error = pool.submit(|n: u32| assert!(n != 3, "three is not welcome"), 3).result();
    let error = error.unwrap_err();
    assert!(error.is_panicked());
    assert_eq!(error.message(), "three is not welcome");
    assert!(error.location().unwrap().starts_with(file!()), "{error:?}");
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker);
}

#[test]
fn acceptance_68_a_remote_backtrace_is_there_if_asked_for() {
    let pool = ProcessPool::builder().workers(1).env("RUST_BACKTRACE", "1").build().unwrap();
    fn inner_function_that_panics(_: ()) {
        panic!("far away");
    }
    let error = pool.submit(inner_function_that_panics, ()).result().unwrap_err();
    let backtrace = error.backtrace().unwrap();
    assert!(backtrace.contains("inner_function_that_panics"), "{backtrace}");
}

/// Refuses to be coded, or kills whoever tries.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stubborn {
    Fine,
    NotEncoded,
    EncodingPanics,
    NotDecoded,
    DecodingPanics,
    DecodingAborts,
    EncodingAborts,
}

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stubborn::NotEncoded => Err(serde::ser::Error::custom("I stay")),
            Stubborn::EncodingPanics => panic!("I panic instead"),
            Stubborn::EncodingAborts => std::process::abort(),
            other => (*other as u8).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stubborn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Stubborn::Fine),
            3 => Err(serde::de::Error::custom("I do not arrive")),
            4 => panic!("I panic on arrival"),
            _ if manyhands_processes::in_worker() => std::process::abort(),
            _ => Err(serde::de::Error::custom("not here")),
        }
    }
}

#[test]
fn acceptance_73_an_argument_that_cannot_be_coded_is_its_tasks_error() {
    let pool = ProcessPool::new(1).unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    for argument in [
        Stubborn::NotEncoded,
        Stubborn::EncodingPanics,
        Stubborn::NotDecoded,
        Stubborn::DecodingPanics,
    ] {
        let error = pool.submit(|_: Stubborn| (), argument).result().unwrap_err();
        assert!(error.is_codec(), "{argument:?}: {error:?}");
    }
    pool.submit(|_: Stubborn| (), Stubborn::Fine).result().unwrap();
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker, "the worker stays");
    let error = pool.submit(|_: Stubborn| (), Stubborn::DecodingAborts).result().unwrap_err();
    assert_died(&error, Some(libc::SIGABRT), None);
}

#[test]
fn acceptance_73_a_result_that_cannot_be_coded_is_its_tasks_error() {
    fn give(n: u8) -> Stubborn {
        [
            Stubborn::NotEncoded,
            Stubborn::EncodingPanics,
            Stubborn::NotDecoded,
            Stubborn::DecodingPanics,
            Stubborn::Fine,
            Stubborn::EncodingAborts,
        ][usize::from(n)]
    }
    let pool = ProcessPool::new(1).unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    for n in 0..4 {
        let error = pool.submit(give, n).result().unwrap_err();
        assert!(error.is_codec(), "{n}: {error:?}");
    }
    assert_eq!(pool.submit(give, 4).result().unwrap(), Stubborn::Fine);
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker, "the worker stays");
    assert_died(&pool.submit(give, 5).result().unwrap_err(), Some(libc::SIGABRT), None);
}

#[test]
fn acceptance_74_a_crash_after_shutdown_or_with_large_data_does_not_hang() {
    fn crash_after_reading(text: String) -> String {
        if text.len() > 1 {
            std::process::abort();
        }
        text
    }
    let pool = ProcessPool::new(2).unwrap();
    let large = "x".repeat(3_000_000);
    let tasks: Vec<_> = (0..4)
        .flat_map(|_| {
            [
                pool.submit(crash_after_reading, large.clone()),
                pool.submit(crash_after_reading, "y".to_owned()),
            ]
        })
        .collect();
    pool.shutdown(Shutdown::DETACH);
    for (n, task) in tasks.into_iter().enumerate() {
        match task.result() {
            Ok(text) => assert!(n % 2 == 1 && text == "y"),
            Err(error) => {
                assert_eq!(n % 2, 0, "{error}");
                assert_died(&error, Some(libc::SIGABRT), None);
            }
        }
    }
    pool.shutdown(Shutdown::WAIT);
}

#[test]
fn acceptance_75_more_than_fits_anywhere_in_both_directions_does_not_deadlock() {
    fn echo(text: String) -> String {
        text
    }
    let pool = ProcessPool::new(2).unwrap();
    // Arguments and results that do not fit into the rings, many of them at a time.
    let texts: Vec<String> =
        (0..40).map(|n| char::from(b'a' + n % 26).to_string().repeat(700_000)).collect();
    let tasks: Vec<_> = texts.iter().map(|text| pool.submit(echo, text.clone())).collect();
    for (task, text) in tasks.into_iter().zip(texts) {
        assert!(task.result().unwrap() == text);
    }
}

#[test]
fn a_crash_in_the_middle_of_many_large_results_loses_only_its_task() {
    fn large_or_dead(n: usize) -> String {
        if n == 7 {
            std::process::abort();
        }
        n.to_string().repeat(200_000)
    }
    let pool = ProcessPool::builder().workers(1).prefetch_depth(8).build().unwrap();
    let tasks: Vec<_> = (0..20).map(|n| pool.submit(large_or_dead, n)).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        match task.result() {
            Ok(text) => assert!(text == n.to_string().repeat(200_000)),
            Err(error) => assert!(n == 7 && error.is_worker_died(), "{n}: {error}"),
        }
    }
}

#[test]
fn a_worker_that_is_stopped_is_killed_for_its_deadline() {
    fn stop(_: ()) {
        // SAFETY: stops this process.
        unsafe { libc::raise(libc::SIGSTOP) };
    }
    let pool = ProcessPool::builder().workers(1).grace(Duration::from_millis(20)).build().unwrap();
    let options = manyhands_executor::TaskOptions::new().time_limit(Duration::from_millis(50));
    let error = pool.with(options).submit(stop, ()).result().unwrap_err();
    assert!(error.is_timed_out(), "{error}");
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8);
}

/// Panics when it is dropped, with another one of its kind as long as there are any.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 && manyhands_processes::in_worker() {
            std::panic::panic_any(Bomb(self.0 - 1));
        }
    }
}

fn explode(depth: u32) {
    std::panic::panic_any(Bomb(depth));
}

#[test]
fn a_panic_whose_payload_panics_when_it_is_dropped_costs_no_worker() {
    let pool = ProcessPool::new(1).unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    for depth in [1, 2, 5] {
        let error = pool.submit(explode, depth).result();
        assert!(error.unwrap_err().is_panicked());
    }
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker, "the worker stays");
}

/// A value whose destructor panics with such a payload.
struct Explosive;

impl Serialize for Explosive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Explosive, D::Error> {
        <()>::deserialize(deserializer).map(|()| Explosive)
    }
}

impl Drop for Explosive {
    fn drop(&mut self) {
        drop(Bomb(u32::from(manyhands_processes::in_worker()) * 3));
    }
}

#[test]
fn destructors_of_arguments_and_results_that_panic_cost_no_worker() {
    let pool = ProcessPool::new(1).unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    for _ in 0..3 {
        let taken = pool.submit(|argument: Explosive| drop(argument), Explosive).result();
        assert!(taken.unwrap_err().is_panicked());
        let _a_value_or_an_error = pool.submit(|()| Explosive, ()).result();
    }
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker, "the worker stays");
}
