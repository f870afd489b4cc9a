//! What several processes read together, and the memory that it takes.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use manyhands::processes::SharedAtomicU64;
use manyhands::{Executor, ExecutorExt, Portable, ProcessPool, Shared, Shutdown, Task, sleep};

use crate::usage::{anonymous_bytes_of, proportional_bytes_of};

const WORKERS: usize = 2;

/// How long the workers may take until they have read everything.
const PATIENCE: Duration = Duration::from_secs(60);

/// What numbers take that two workers have read and still have.
pub(crate) struct Taken {
    /// In all: this process's part and both workers', as the kernel divides what is shared.
    pub(crate) proportional_bytes: f64,
    /// What each worker has for itself, on average.
    pub(crate) anonymous_bytes: f64,
}

/// So many numbers, shared.
///
/// # Errors
/// When a worker fails.
pub(crate) fn shared(count: usize) -> Result<Taken> {
    taken(Shared::copy_from_slice(&[])?, || {
        let fill = |numbers: &mut [u64]| {
            numbers.iter_mut().zip(0..).for_each(|(number, n)| *number = n);
        };
        Ok(Shared::<[u64]>::build(count, fill)?)
    })
}

/// So many numbers, each worker with a copy as its argument.
///
/// # Errors
/// When a worker fails.
pub(crate) fn copied(count: usize) -> Result<Taken> {
    taken(Vec::new(), || Ok((0..count as u64).collect()))
}

/// Numbers that can be sent to a worker.
trait Numbers: Portable + Clone {
    fn slice(&self) -> &[u64];
}

impl Numbers for Shared<[u64]> {
    fn slice(&self) -> &[u64] {
        self
    }
}

impl Numbers for Vec<u64> {
    fn slice(&self) -> &[u64] {
        self
    }
}

fn taken<N: Numbers>(none: N, make: impl FnOnce() -> Result<N>) -> Result<Taken> {
    let pool = ProcessPool::builder().workers(WORKERS).eager(true).prefetch_depth(1).build()?;
    // Both have done the same before it counts, with nothing.
    let (proportional_before, anonymous_before) = while_read(&pool, &none)?;
    let numbers = make()?;
    let (proportional, anonymous) = while_read(&pool, &numbers)?;
    pool.shutdown(Shutdown::WAIT);
    Ok(Taken {
        proportional_bytes: proportional - proportional_before,
        anonymous_bytes: (anonymous - anonymous_before) / WORKERS as f64,
    })
}

/// Has both workers read the numbers, and looks at the memory while they have them: that of all
/// processes, and that which the workers have for themselves.
fn while_read<N: Numbers>(pool: &ProcessPool, numbers: &N) -> Result<(f64, f64)> {
    type Job<N> = (N, SharedAtomicU64, SharedAtomicU64);
    fn read<N: Numbers>((numbers, arrived, done): Job<N>) -> u64 {
        let sum = numbers.slice().iter().sum();
        arrived.fetch_add(1, Ordering::AcqRel);
        while done.load(Ordering::Acquire) == 0 {
            sleep(Duration::from_millis(1));
        }
        sum
    }
    let (arrived, done) = (SharedAtomicU64::new(0)?, SharedAtomicU64::new(0)?);
    let submit = |_| pool.submit(read::<N>, (numbers.clone(), arrived.clone(), done.clone()));
    let tasks: Vec<Task<u64>> = (0..WORKERS).map(submit).collect();
    let started = Instant::now();
    while arrived.load(Ordering::Acquire) < WORKERS as u64 {
        let over = tasks.iter().any(Task::is_done) || started.elapsed() > PATIENCE;
        ensure!(!over, "the workers do not read");
        sleep(Duration::from_millis(1));
    }
    let workers = pool.worker_pids();
    ensure!(workers.len() == WORKERS, "there are {} workers", workers.len());
    let mut anonymous = 0.0;
    let mut proportional = proportional_bytes_of(std::process::id())?;
    for worker in workers {
        anonymous += anonymous_bytes_of(worker)?;
        proportional += proportional_bytes_of(worker)?;
    }
    done.store(1, Ordering::Release);
    let expected: u64 = numbers.slice().iter().sum();
    for task in tasks {
        ensure!(task.result().context("a task failed")? == expected, "a sum is wrong");
    }
    Ok((proportional, anonymous))
}
