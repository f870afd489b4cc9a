//! Tasks that make a copy of their worker by `fork`: there is one worker after it, as before.

use manyhands_executor::ExecutorExt;
use manyhands_processes::ProcessPool;

use super::{double, pid};
use crate::descendants::{mark_of, marked};
use crate::patience::eventually;

/// Forks, and returns in both.
fn fork(times: u32) -> u32 {
    for _ in 0..times {
        // SAFETY: both go on as if nothing had happened, which is what is tested.
        unsafe { libc::fork() };
    }
    std::process::id()
}

/// Forks, and both panic.
fn fork_and_panic(_: ()) {
    fork(1);
    panic!("in both");
}

fn initialize(_: ()) -> Result<(), String> {
    fork(1);
    Ok(())
}

#[test]
fn a_copy_that_returns_from_its_task_ends() {
    let mark = mark_of("forks");
    let pool = ProcessPool::builder().workers(1).env("MANYHANDS_MARK", &mark).build().unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    for _ in 0..3 {
        assert_eq!(pool.submit(fork, 2).result().unwrap(), worker);
        assert_eq!(pool.submit(fork_and_panic, ()).result().unwrap_err().message(), "in both");
        let tasks: Vec<_> = (0..500).map(|n| pool.submit(double, n)).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.result().unwrap(), 2 * n as u64);
        }
    }
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker, "it is the same worker");
    eventually("the copies have ended", || marked(&mark) == [worker]);
}

#[test]
fn a_copy_that_returns_from_the_initializer_ends() {
    let mark = mark_of("forks");
    let pool = ProcessPool::builder().workers(1).env("MANYHANDS_MARK", &mark);
    let pool = pool.initializer(initialize, ()).build().unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    assert_eq!(pool.worker_pids(), [worker]);
    let tasks: Vec<_> = (0..500).map(|n| pool.submit(double, n)).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64);
    }
    eventually("the copy has ended", || marked(&mark) == [worker]);
}
