//! The rivals: the same jobs, done with other libraries. One file for each.

pub(crate) mod async_executor;
pub(crate) mod bare;
pub(crate) mod corosensei;
pub(crate) mod go;
pub(crate) mod may;
pub(crate) mod procspawn;
pub(crate) mod python;
pub(crate) mod rayon;
pub(crate) mod reqwest;
pub(crate) mod rusty_pool;
pub(crate) mod std_threads;
pub(crate) mod sync;
pub(crate) mod threadpool;
pub(crate) mod tokio;
pub(crate) mod tokio_tasks;

use std::time::Duration;

use manyhands::Portable;

/// Something with worker threads that runs closures and gives each one's result back.
pub(crate) trait Pool: Sized {
    /// What stands for a result that is still to come.
    type Handle;

    /// A pool of this many threads.
    ///
    /// # Errors
    /// When it cannot be made.
    fn start(workers: usize) -> anyhow::Result<Self>;

    /// Hands the closure over.
    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> Self::Handle;

    /// Waits for one result.
    ///
    /// # Errors
    /// When it will never come.
    fn result(&self, handle: Self::Handle) -> anyhow::Result<u64>;

    /// Waits for many results, in order, and adds them up.
    ///
    /// # Errors
    /// When one will never come.
    fn sum(&self, handles: Vec<Self::Handle>) -> anyhow::Result<u64> {
        handles
            .into_iter()
            .try_fold(0_u64, |sum, handle| Ok(sum.wrapping_add(self.result(handle)?)))
    }
}

/// Something that runs many light things on one thread: coroutines, tasks.
pub(crate) trait Light {
    /// Starts one and waits for its result, again and again; CPU nanoseconds each.
    ///
    /// # Errors
    /// When one fails.
    fn spawn_join(count: u64) -> anyhow::Result<f64>;

    /// Starts `size` at a time, then waits for the result of each; CPU nanoseconds each.
    ///
    /// # Errors
    /// When one fails.
    fn spawn_batch(count: u64, size: u64) -> anyhow::Result<f64>;

    /// So many let each other go first, `count` times in all; CPU nanoseconds each time.
    ///
    /// # Errors
    /// When one fails.
    fn yields(count: u64, among: u64) -> anyhow::Result<f64>;

    /// Starts `count` that sleep for the first of `naps`, calls `all_asleep` with how many seconds
    /// it took until the last one was about to, and waits for them; likewise for the other naps. The
    /// last are left asleep: the process is about to end.
    ///
    /// # Errors
    /// When one fails.
    fn asleep(
        count: u64,
        naps: &[Duration],
        all_asleep: &mut dyn FnMut(f64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()>;
}

/// Something with worker processes that run plain functions.
pub(crate) trait Workers: Sized {
    /// What stands for a result that is still to come.
    type Handle<R: Portable>;

    /// How many calls it can have under way.
    const MOST_AT_A_TIME: u64 = u64::MAX;

    /// A pool of this many processes, each of which has at most `depth` calls at a time; its own
    /// choice if there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    fn start(workers: usize, depth: Option<usize>) -> anyhow::Result<Self>;

    /// Hands a call over.
    fn submit<A: Portable, R: Portable>(&self, f: fn(A) -> R, argument: A) -> Self::Handle<R>;

    /// Waits for one result.
    ///
    /// # Errors
    /// When it will never come.
    fn result<R: Portable>(handle: Self::Handle<R>) -> anyhow::Result<R>;

    /// Waits for one result for so long.
    ///
    /// # Errors
    /// When it does not come.
    fn result_within<R: Portable>(handle: Self::Handle<R>, limit: Duration) -> anyhow::Result<R>;

    /// Ends the pool, with all its processes.
    fn end(self);

    /// Starts a process that calls one function, and waits for its end; without a pool.
    ///
    /// # Errors
    /// When that fails.
    fn process() -> anyhow::Result<()>;
}

/// Checks the sum of the results `0..count`.
///
/// # Errors
/// When one of them was wrong.
pub(crate) fn expect_sum(sum: u64, count: u64) -> anyhow::Result<()> {
    anyhow::ensure!(sum == count * count.saturating_sub(1) / 2, "a result is wrong");
    Ok(())
}
