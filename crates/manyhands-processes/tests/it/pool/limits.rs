//! What is asked of workers: how many tasks, how much memory, an initializer, an environment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use manyhands_executor::{Executor, ExecutorExt, MapOptions, RejectedReason, TaskErrorKind};
use manyhands_processes::ProcessPool;

use super::{double, pid};
use crate::patience::eventually;

#[test]
fn acceptance_32_zero_workers_are_an_error() {
    let error = ProcessPool::new(0).unwrap_err();
    assert!(error.to_string().contains("at least 1 worker"), "{error}");
    assert!(ProcessPool::builder().max_tasks_per_worker(0).build().is_err());
    assert!(ProcessPool::builder().prefetch_depth(0).build().is_err());
}

#[test]
fn acceptance_69_a_chunk_of_nothing_is_an_error_and_harms_nobody() {
    let pool = ProcessPool::new(1).unwrap();
    let map =
        || pool.map_with(MapOptions::new().chunk(0), double, 0..4).map(Result::unwrap).sum::<u64>();
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(map)).unwrap_err();
    let message = payload.downcast_ref::<&str>().unwrap();
    assert!(message.contains("at least 1"), "{message}");
    assert_eq!(pool.statistics().started, 0, "nothing was sent");
    let ones = pool.map_with(MapOptions::new().chunk(1), double, 0..4).map(Result::unwrap);
    assert_eq!(ones.sum::<u64>(), 12);
}

#[test]
fn acceptance_70_a_worker_is_replaced_after_its_number_of_tasks() {
    let pool = ProcessPool::builder().workers(1).max_tasks_per_worker(3).build().unwrap();
    let pids: Vec<u32> = (0..9).map(|_| pool.submit(pid, ()).result().unwrap()).collect();
    for three in pids.chunks(3) {
        assert!(three.iter().all(|pid| *pid == three[0]), "{pids:?}");
    }
    assert!(pids[0] != pids[3] && pids[3] != pids[6], "{pids:?}");
    assert_eq!(pool.statistics().died, 0);
    let many: Vec<_> = (0..100).map(|n| pool.submit(double, n)).collect();
    for (n, task) in many.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64);
    }
}

#[test]
fn acceptance_35_an_idle_worker_is_used_before_another_is_started() {
    let pool = ProcessPool::new(4).unwrap();
    assert_eq!(pool.statistics().started, 0, "none is started before there is work");
    for n in 0..5 {
        pool.submit(double, n).result().unwrap();
    }
    assert_eq!(pool.statistics().started, 1);
}

#[test]
fn an_eager_pool_starts_all_workers_at_once() {
    let pool = ProcessPool::builder().workers(3).eager(true).build().unwrap();
    eventually("all are ready", || pool.statistics().idle == 3);
    assert_eq!(pool.worker_pids().len(), 3);
}

static INITIALIZED: AtomicU64 = AtomicU64::new(0);

fn initialize(n: u64) -> Result<(), String> {
    match n {
        1 => Err("there is no database".to_owned()),
        2 => panic!("I am not ready"),
        3 => std::process::exit(3),
        4 => {
            std::thread::sleep(Duration::from_secs(1000));
            Ok(())
        }
        n => {
            INITIALIZED.store(n, Ordering::Relaxed);
            Ok(())
        }
    }
}

#[test]
fn acceptance_65_the_initializer_runs_once_in_each_worker() {
    let pool = ProcessPool::builder().workers(2).initializer(initialize, 42).build().unwrap();
    let seen = pool.map(|_: u32| INITIALIZED.fetch_add(0, Ordering::Relaxed), 0..10);
    assert!(seen.map(Result::unwrap).all(|n| n == 42));
    assert_eq!(INITIALIZED.load(Ordering::Relaxed), 0, "not in this process");
}

#[test]
fn acceptance_66_a_failing_initializer_breaks_the_pool_with_the_reason() {
    for (how, reason) in [(1, "there is no database"), (2, "I am not ready"), (3, "code 3")] {
        let pool = ProcessPool::builder().workers(2).initializer(initialize, how).build().unwrap();
        let tasks: Vec<_> = (0..5).map(|n| pool.submit(double, n)).collect();
        for task in tasks {
            let error = task.result().unwrap_err();
            assert_eq!(error.kind(), TaskErrorKind::Rejected);
            assert!(error.message().contains(reason), "{error}");
        }
        let (_task, job) = capture();
        let rejected = pool.execute(job).unwrap_err();
        assert!(matches!(rejected.reason(), RejectedReason::Broken(why) if why.contains(reason)));
    }
}

#[test]
fn a_worker_that_does_not_become_ready_in_time_breaks_the_pool_with_the_reason() {
    let limit = Duration::from_millis(100);
    let pool = ProcessPool::builder().workers(1).initializer(initialize, 4).start_timeout(limit);
    let pool = pool.build().unwrap();
    let error = pool.submit(double, 1).result().unwrap_err();
    assert!(error.is_rejected() && error.message().contains("initializer"), "{error}");
}

/// A portable job, and its task.
fn capture() -> (manyhands_executor::Task<u64>, manyhands_executor::Job) {
    struct Keep(std::sync::Mutex<Option<manyhands_executor::Job>>);
    impl Executor for Keep {
        fn execute(
            &self,
            job: manyhands_executor::Job,
        ) -> Result<(), manyhands_executor::Rejected> {
            *self.0.lock().unwrap() = Some(job);
            Ok(())
        }
        fn parallelism(&self) -> usize {
            1
        }
        fn shutdown(&self, _: manyhands_executor::Shutdown) {}
    }
    let keep = Keep(std::sync::Mutex::new(None));
    let task = keep.submit(double, 1);
    (task, keep.0.into_inner().unwrap().unwrap())
}

#[test]
fn closures_are_refused_with_the_job() {
    let pool = ProcessPool::new(1).unwrap();
    let (task, job) = manyhands_executor::Job::of(manyhands_executor::TaskOptions::new(), || 42);
    let rejected = pool.execute(job).unwrap_err();
    assert_eq!(*rejected.reason(), RejectedReason::NotPortable);
    rejected.into_job().run();
    assert_eq!(task.result().unwrap(), 42);
}

#[test]
fn the_environment_is_what_was_asked_for() {
    fn variable(name: String) -> Option<String> {
        std::env::var(name).ok()
    }
    let pool = ProcessPool::builder().workers(1).env("MANYHANDS_TEST", "yes").build().unwrap();
    assert_eq!(pool.submit(variable, "MANYHANDS_TEST".into()).result().unwrap().unwrap(), "yes");
    assert!(pool.submit(variable, "PATH".into()).result().unwrap().is_some());
    let pool = ProcessPool::builder().workers(1).env_clear().build().unwrap();
    assert_eq!(pool.submit(variable, "PATH".into()).result().unwrap(), None);
}

#[test]
fn an_allocation_past_the_memory_limit_costs_that_task() {
    fn allocate(bytes: usize) -> usize {
        let all = vec![1_u8; bytes];
        all.iter().map(|byte| usize::from(*byte)).sum()
    }
    let pool = ProcessPool::builder().workers(1).memory_limit(1 << 30);
    // A backtrace would come after the message that is looked for.
    let pool = pool.env_remove("RUST_BACKTRACE").build().unwrap();
    assert_eq!(pool.submit(allocate, 1 << 20).result().unwrap(), 1 << 20);
    let error = pool.submit(allocate, 2 << 30).result().unwrap_err();
    assert!(error.is_worker_died(), "{error}");
    let death = error.worker_death().unwrap();
    assert!(death.stderr_tail.contains("memory allocation"), "{death:?}");
    assert_eq!(pool.submit(allocate, 1 << 20).result().unwrap(), 1 << 20);
}

#[test]
fn a_worker_that_has_grown_too_large_is_replaced() {
    fn leak(bytes: usize) -> u32 {
        std::mem::forget(std::hint::black_box(vec![1_u8; bytes]));
        std::process::id()
    }
    let pool = ProcessPool::builder().workers(1).recycle_above(200 << 20).build().unwrap();
    let first = pool.submit(leak, 400 << 20).result().unwrap();
    eventually("another worker answers", || pool.submit(pid, ()).result().unwrap() != first);
    assert_eq!(pool.statistics().died, 0);
}

#[test]
fn a_nested_pool_works() {
    fn nested(n: u64) -> u64 {
        let pool = ProcessPool::new(1).unwrap();
        pool.submit(double, n).result().unwrap()
    }
    let pool = ProcessPool::new(1).unwrap();
    assert_eq!(pool.submit(nested, 21).result().unwrap(), 42);
}

#[test]
fn a_map_takes_chunks_and_errors_stay_in_their_places() {
    fn picky(n: u64) -> u64 {
        assert!(!n.is_multiple_of(1000), "{n} is not welcome");
        n
    }
    let pool = ProcessPool::new(2).unwrap();
    for (n, result) in pool.map(picky, 1..5_001).enumerate() {
        let n = n as u64 + 1;
        match result {
            Ok(value) => assert_eq!(value, n),
            Err(error) => assert!(n.is_multiple_of(1000) && error.is_panicked(), "{n}: {error}"),
        }
    }
}
