//! The places where the same network code runs: plain threads, workers of an async runtime, and
//! coroutines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_executor::{Executor, InProcess, Job, Rejected, Shutdown};

/// Longer than anything here takes on the slowest machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Polls `condition` until it holds.
///
/// # Panics
/// If it still does not hold after a minute.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "never happened: {what}\n{}", manyhands_wait::dump());
        manyhands_wait::sleep(Duration::from_millis(1));
    }
}

/// A plain thread for every job.
#[derive(Clone)]
pub(crate) struct Threads;

impl Executor for Threads {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        std::thread::Builder::new()
            .stack_size(256 * 1024)
            .spawn(|| job.run())
            .expect("the machine has room for the threads of a test");
        Ok(())
    }

    fn parallelism(&self) -> usize {
        10_000
    }

    fn shutdown(&self, _: Shutdown) {}
}

impl InProcess for Threads {}

/// The workers of a multi-thread async runtime, which block in place.
#[derive(Clone)]
pub(crate) struct Workers(Arc<tokio::runtime::Runtime>);

impl Workers {
    pub(crate) fn start() -> Workers {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Workers(Arc::new(runtime.unwrap()))
    }
}

impl Executor for Workers {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        self.0.spawn(async { job.run() });
        Ok(())
    }

    fn parallelism(&self) -> usize {
        400
    }

    fn shutdown(&self, _: Shutdown) {}
}

impl InProcess for Workers {}

/// A pool of coroutines on so many hubs.
pub(crate) fn coroutines(hubs: usize) -> Arc<manyhands_coroutines::CoroutinePool> {
    Arc::new(manyhands_coroutines::CoroutinePool::new(hubs).unwrap())
}

/// Makes of each function that takes an executor a test for every place.
macro_rules! everywhere {
    ($(fn $name:ident($executor:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn body<E: InProcess + Clone + Send + Sync + 'static>($executor: &E) $body

            #[test]
            fn on_threads() {
                body(&crate::net_places::Threads);
            }

            #[test]
            fn in_async_workers() {
                body(&crate::net_places::Workers::start());
            }

            #[test]
            fn in_coroutines_of_one_hub() {
                body(&crate::net_places::coroutines(1));
            }

            #[test]
            fn in_coroutines_of_two_hubs() {
                body(&crate::net_places::coroutines(2));
            }
        }
    )+};
}

pub(crate) use everywhere;
