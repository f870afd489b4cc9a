//! What becomes of pools where the system grants no thread and no process any more. Acceptance item 77.
//!
//! Each test is a program of its own, which forbids itself to make any.

use std::sync::mpsc::channel;

use manyhands_executor::{Executor, ExecutorExt, Shutdown, Task};
use manyhands_processes::ProcessPool;

use super::{compute, double, tidiness::alone, wait_for_ever};
use crate::patience::{LONG, eventually};

/// From now on the kernel refuses this process whatever makes a thread or a process.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn forbid_threads_and_processes() {
    const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EAGAIN as u32;
    let load_number = libc::sock_filter {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: 0,
    };
    let give =
        |k| libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k };
    let mut program = vec![load_number];
    let mut refuse = |number: libc::c_long| {
        let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        program.push(libc::sock_filter { code, jt: 0, jf: 1, k: number as u32 });
        program.push(give(REFUSED));
    };
    refuse(libc::SYS_clone);
    refuse(libc::SYS_clone3);
    #[cfg(target_arch = "x86_64")]
    {
        refuse(libc::SYS_fork);
        refuse(libc::SYS_vfork);
    }
    program.push(give(libc::SECCOMP_RET_ALLOW));
    let length = program.len() as u16;
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the program is there, and as long as it says; it concerns this process alone, which ends
    // with the test.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let (mode, all_threads) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC);
        let set = libc::syscall(libc::SYS_seccomp, mode, all_threads, &raw const program);
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }
    assert!(std::thread::Builder::new().spawn(|| {}).is_err());
}

fn assert_rejected(tasks: impl IntoIterator<Item = Task<u64>>) {
    for task in tasks {
        let error = task.result().unwrap_err();
        assert!(error.is_rejected(), "{error}");
        assert!(error.message().contains("did not start"), "{error}");
    }
}

#[test]
fn acceptance_77_a_pool_that_cannot_start_workers_any_more_ends() {
    alone("without_threads::acceptance_77_a_pool_that_cannot_start_workers_any_more_ends", || {
        let fresh = ProcessPool::new(2).unwrap();
        forbid_threads_and_processes();
        let tasks: Vec<_> = (0..20).map(|n| fresh.submit(double, n)).collect();
        fresh.shutdown(Shutdown::WAIT);
        assert_rejected(tasks);
        let error = ProcessPool::new(1).unwrap_err();
        assert!(error.to_string().contains("not started"), "{error}");
    });
}

#[test]
fn acceptance_77_a_pool_whose_last_worker_dies_and_is_not_replaced_ends() {
    let name = "acceptance_77_a_pool_whose_last_worker_dies_and_is_not_replaced_ends";
    alone(&format!("without_threads::{name}"), || {
        let pool = ProcessPool::new(1).unwrap();
        let running = pool.submit(wait_for_ever, ());
        eventually("it runs", || running.is_running());
        let queued: Vec<_> = (0..20).map(|n| pool.submit(double, n)).collect();
        forbid_threads_and_processes();
        pool.shutdown(Shutdown::DETACH);
        pool.kill_workers();
        assert!(running.result().unwrap_err().is_worker_died());
        assert_rejected(queued);
        pool.shutdown(Shutdown::WAIT);
    });
}

#[test]
fn acceptance_77_a_pool_with_workers_finishes_its_tasks_and_runs_their_callbacks() {
    let name = "acceptance_77_a_pool_with_workers_finishes_its_tasks_and_runs_their_callbacks";
    alone(&format!("without_threads::{name}"), || {
        let pool = ProcessPool::builder().workers(2).eager(true).build().unwrap();
        eventually("all are ready", || pool.statistics().idle == 2);
        forbid_threads_and_processes();
        let (sender, receiver) = channel();
        for n in 0..20 {
            let sender = sender.clone();
            pool.submit(compute, n % 3).on_done(move |outcome| {
                sender.send(*outcome.as_ref().unwrap()).unwrap();
            });
        }
        let large = pool.submit(|length: usize| "x".repeat(length), 300_000);
        pool.shutdown(Shutdown::WAIT);
        assert_eq!(large.result().unwrap().len(), 300_000);
        let mut all: Vec<u64> = (0..20).map(|_| receiver.recv_timeout(LONG).unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all.iter().sum::<u64>(), 19);
    });
}
