//! A worker that the kernel kills because memory is short.

use std::fs;
use std::path::{Path, PathBuf};

use manyhands_executor::{ExecutorExt, TaskError, TaskErrorKind};
use manyhands_processes::{Process, ProcessPool};

/// What the members of the group may have together, in bytes.
const LIMIT: usize = 64 << 20;

/// A control group of the kernel's, in which memory is short. Removed when this is dropped, which
/// works when nobody is in it any more.
struct Scarcity(PathBuf);

impl Scarcity {
    /// `None` where this process may not make one: that is decided by whoever has started it.
    fn new(name: &str) -> Option<Scarcity> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let of_lines =
            |prefix: &str| own.lines().find_map(|line| line.split_once(prefix)?.1.into());
        let unified = of_lines("0::/").map(|path| Path::new("/sys/fs/cgroup").join(path));
        let memory =
            of_lines(":memory:/").map(|path| Path::new("/sys/fs/cgroup/memory").join(path));
        [(memory, "memory.limit_in_bytes"), (unified, "memory.max")].into_iter().find_map(
            |(folder, limit)| {
                let folder = folder?.join(format!("manyhands-{name}-{}", std::process::id()));
                fs::create_dir(&folder).ok()?;
                let scarcity = Scarcity(folder);
                let file = scarcity.0.join(limit);
                // Where memory is not counted there is no such file, and none can be made.
                fs::OpenOptions::new().write(true).open(&file).ok()?;
                fs::write(file, LIMIT.to_string()).ok()?;
                Some(scarcity)
            },
        )
    }

    fn members(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }
}

impl Drop for Scarcity {
    fn drop(&mut self) {
        let _left_for_the_next_start = fs::remove_dir(&self.0);
    }
}

/// Goes into the group, and takes more than there is.
fn starve(members: PathBuf) -> usize {
    fs::write(members, std::process::id().to_string()).expect("the group takes this process");
    std::hint::black_box(vec![1_u8; 4 * LIMIT]).len()
}

/// Dies in the same way, but of somebody's will.
fn be_killed(_: ()) {
    // SAFETY: a system call without pointers.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

#[track_caller]
fn assert_killed(error: &TaskError, for_want_of_memory: bool) {
    assert_eq!(error.kind(), TaskErrorKind::WorkerDied, "{error}");
    let death = error.worker_death().unwrap();
    assert_eq!(
        (death.signal, death.likely_oom),
        (Some(libc::SIGKILL), for_want_of_memory),
        "{error}"
    );
    assert_eq!(error.to_string().contains("memory"), for_want_of_memory, "{error}");
}

#[test]
fn a_worker_that_takes_more_than_there_is_dies_of_that_and_its_pool_goes_on() {
    let Some(scarcity) = Scarcity::new("pool") else {
        eprintln!("not tested: this process may not make a control group for memory");
        return;
    };
    let pool = ProcessPool::new(1).unwrap();
    assert_killed(&pool.submit(starve, scarcity.members()).result().unwrap_err(), true);
    // What the kernel has done before is not held against those that die later.
    assert_killed(&pool.submit(be_killed, ()).result().unwrap_err(), false);
    assert_eq!(pool.submit(|n: u64| n + 1, 1).result().unwrap(), 2);
}

#[test]
fn a_process_that_takes_more_than_there_is_dies_of_that() {
    let Some(scarcity) = Scarcity::new("process") else {
        eprintln!("not tested: this process may not make a control group for memory");
        return;
    };
    let process = Process::start(starve, scarcity.members()).unwrap();
    assert_killed(&process.join().unwrap_err(), true);
    let process = Process::start(be_killed, ()).unwrap();
    assert_killed(&process.join().unwrap_err(), false);
}
