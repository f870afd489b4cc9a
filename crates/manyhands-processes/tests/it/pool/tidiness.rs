//! Nothing is left behind: no process, no descriptor; and what happens when there are none.

use manyhands_executor::{Executor, ExecutorExt, Shutdown};
use manyhands_processes::ProcessPool;

use super::{ALONE, double};
use crate::patience::eventually;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs `body` in a program where this test of the pool is the only one.
pub(super) fn alone(name: &str, body: impl FnOnce()) {
    const VARIABLE: &str = "MANYHANDS_POOL_TEST_ALONE";
    if std::env::var_os(VARIABLE).is_some() {
        return body();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("pool::{name}"), "--nocapture", "--test-threads=1"])
        .env(VARIABLE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn no_process_and_no_descriptor_is_left_of_a_pool() {
    alone("tidiness::no_process_and_no_descriptor_is_left_of_a_pool", || {
        fn fatal(n: u64) -> u64 {
            if n.is_multiple_of(5) {
                std::process::abort();
            }
            n
        }
        let round = || {
            let pool = ProcessPool::new(2).unwrap();
            let tasks: Vec<_> = (0..20).map(|n| pool.submit(fatal, n)).collect();
            let lost = tasks.into_iter().filter_map(|task| task.result().err()).count();
            assert_eq!(lost, 4);
            let pids = pool.worker_pids();
            pool.shutdown(Shutdown::WAIT);
            pids
        };
        round(); // what is made once for the whole process
        let before = descriptors();
        for _ in 0..5 {
            for pid in round() {
                // One that was still starting is reaped in the background.
                let entry = std::path::PathBuf::from(format!("/proc/{pid}"));
                eventually("no process is left, not even a zombie", || !entry.exists());
            }
        }
        eventually("all descriptors are closed", || descriptors() <= before);
    });
}

#[test]
fn without_descriptors_the_pool_says_so_and_does_not_hang() {
    alone("tidiness::without_descriptors_the_pool_says_so_and_does_not_hang", || {
        let pool = ProcessPool::new(2).unwrap();
        let mut all = Vec::new();
        let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            all.push(file);
        }
        let error = pool.submit(double, 1).result().unwrap_err();
        assert!(error.is_rejected(), "{error}");
        assert!(
            error.message().contains("open files") || error.message().contains("memory"),
            "{error}"
        );
        assert!(ProcessPool::new(1).is_err());
        drop(all);
        let pool = ProcessPool::new(1).unwrap();
        assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
    });
}

#[test]
fn a_pool_under_load_loses_exactly_what_dies() {
    let _one_at_a_time = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    fn sometimes_fatal(n: u64) -> u64 {
        if n % 97 == 13 {
            std::process::abort();
        }
        n
    }
    let pool = ProcessPool::new(2).unwrap();
    let tasks: Vec<_> = (0..1000).map(|n| pool.submit(sometimes_fatal, n)).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        let n = n as u64;
        match task.result() {
            Ok(value) => assert!(value == n && n % 97 != 13),
            Err(error) => assert!(n % 97 == 13 && error.is_worker_died(), "{n}: {error}"),
        }
    }
    assert_eq!(pool.statistics().died, 11);
}

#[test]
fn what_a_worker_says_is_passed_on() {
    fn say(text: String) {
        eprintln!("{text}");
    }
    let output = {
        const VARIABLE: &str = "MANYHANDS_POOL_TEST_SAYS";
        if std::env::var_os(VARIABLE).is_some() {
            let pool = ProcessPool::new(1).unwrap();
            pool.submit(say, "a worker speaks".into()).result().unwrap();
            // Another thread writes it, and has when the pool has ended.
            drop(pool);
            // SAFETY: ends the process at once, so that nothing is written after this.
            unsafe { libc::_exit(0) };
        }
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pool::tidiness::what_a_worker_says_is_passed_on", "--nocapture"])
            .env(VARIABLE, "1")
            .output()
            .unwrap()
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("a worker speaks"), "{errors}");
}
