//! The rivals: the same jobs, done with other libraries. One file for each.

pub(crate) mod async_executor;
pub(crate) mod python;
pub(crate) mod rayon;
pub(crate) mod reqwest;
pub(crate) mod rusty_pool;
pub(crate) mod threadpool;
pub(crate) mod tokio;

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
