//! The rivals: the same jobs, done with other libraries. One file for each.

pub(crate) mod async_executor;
pub(crate) mod corosensei;
pub(crate) mod go;
pub(crate) mod may;
pub(crate) mod python;
pub(crate) mod rayon;
pub(crate) mod reqwest;
pub(crate) mod rusty_pool;
pub(crate) mod std_threads;
pub(crate) mod threadpool;
pub(crate) mod tokio;
pub(crate) mod tokio_tasks;

use std::time::Duration;

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

/// Checks the sum of the results `0..count`.
///
/// # Errors
/// When one of them was wrong.
pub(crate) fn expect_sum(sum: u64, count: u64) -> anyhow::Result<()> {
    anyhow::ensure!(sum == count * count.saturating_sub(1) / 2, "a result is wrong");
    Ok(())
}
