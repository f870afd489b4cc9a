//! What every executor does, done by processes.

use manyhands_executor::{Executor, ExecutorExt, Shutdown};
use manyhands_processes::ProcessPool;

fn double(n: u64) -> u64 {
    n * 2
}

#[test]
fn a_call_runs_in_another_process() {
    let pool = ProcessPool::new(2).unwrap();
    assert_eq!(pool.submit(double, 21).result().unwrap(), 42);
    let there = pool.submit(|()| std::process::id(), ()).result().unwrap();
    assert_ne!(there, std::process::id());
}

#[test]
fn many_calls_come_back_in_order() {
    let pool = ProcessPool::new(2).unwrap();
    let tasks: Vec<_> = (0..20_000).map(|n| pool.submit(double, n)).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64);
    }
    pool.shutdown(Shutdown::WAIT);
}
