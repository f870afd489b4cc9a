//! Workers that tell their parent what cannot be: they are killed, their death says why, and nobody else
//! is held up.

use std::os::fd::RawFd;

use manyhands_executor::{ExecutorExt, TaskErrorKind};
use manyhands_processes::{Bytes, ProcessPool};

use super::double;

/// The sockets of this process.
fn sockets() -> Vec<RawFd> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap);
    let sockets = entries.filter(|entry| {
        std::fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    });
    sockets.map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect()
}

/// Says something on every socket, and then gives an outcome that has a descriptor.
fn talk(_: ()) -> Bytes {
    let record = [0_u8; 12];
    for socket in sockets() {
        // Not more than there is room for: the outcome's descriptor has to come through.
        for _ in 0..100 {
            // SAFETY: the bytes are there; to whom they go is what is tested.
            unsafe { libc::send(socket, record.as_ptr().cast(), record.len(), libc::MSG_NOSIGNAL) };
        }
    }
    Bytes::from(vec![1; 1 << 20])
}

#[test]
fn a_worker_that_says_nonsense_is_killed_for_it_and_the_pool_goes_on() {
    // A worker that had more than one would have begun the next ones before its nonsense is read.
    let pool = ProcessPool::builder().workers(2).prefetch_depth(1).build().unwrap();
    let talking = pool.submit(talk, ());
    let others: Vec<_> = (0..100).map(|n| pool.submit(double, n)).collect();
    let error = talking.result().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::WorkerDied, "{error}");
    let death = error.worker_death().unwrap();
    assert_eq!(death.signal, Some(libc::SIGKILL), "{error}");
    let why = death.killed_for.as_deref().unwrap();
    assert!(why.contains("only its parent may say"), "{error}");
    for (n, task) in others.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64);
    }
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8);
}
