//! An executor whose model is chosen at run time.

use std::fmt;
use std::str::FromStr;

use manyhands_executor::{Executor, InProcess, Job, Rejected, Sequential, Shutdown};

use crate::model::{Model, UnknownModel};

/// An executor of whatever [`Model`] was asked for, usually by name: `"threads:8".parse()`.
///
/// It takes closures and futures too. A model whose workers do not share this memory rejects those
/// when they are submitted.
///
/// ```
/// use manyhands::{AnyExecutor, ExecutorExt};
///
/// let executor: AnyExecutor = "threads:2".parse().unwrap();
/// assert_eq!(executor.submit(|n: u32| n + 1, 41).result().unwrap(), 42);
/// ```
pub struct AnyExecutor {
    model: Model,
    executor: Box<dyn Executor>,
}

impl AnyExecutor {
    /// The model it was made of.
    pub fn model(&self) -> Model {
        self.model
    }

    /// The executor itself.
    pub fn into_inner(self) -> Box<dyn Executor> {
        self.executor
    }

    pub(crate) fn of(model: Model) -> Result<AnyExecutor, String> {
        let executor: Box<dyn Executor> = match model {
            Model::Sequential => Box::new(Sequential::new()),
            #[cfg(feature = "threads")]
            Model::Threads(size) => {
                let size = size.map_or_else(crate::default_workers, usize::from);
                Box::new(crate::ThreadPool::new(size).map_err(|error| error.to_string())?)
            }
            #[cfg(feature = "coroutines")]
            Model::Coroutines(size) => {
                let mut pool = crate::CoroutinePool::builder();
                if let Some(hubs) = size {
                    pool = pool.hubs(hubs.into());
                }
                Box::new(pool.build().map_err(|error| error.to_string())?)
            }
            #[cfg(feature = "async")]
            Model::Async(size) => {
                let limit = size.map_or(crate::AsyncPool::DEFAULT_LIMIT, usize::from);
                Box::new(crate::AsyncPool::new(limit).map_err(|error| error.to_string())?)
            }
            #[cfg(feature = "processes")]
            Model::Processes(size) => {
                let mut pool = crate::ProcessPool::builder();
                if let Some(workers) = size {
                    pool = pool.workers(workers.into());
                }
                Box::new(pool.build().map_err(|error| error.to_string())?)
            }
        };
        Ok(AnyExecutor { model, executor })
    }
}

impl FromStr for AnyExecutor {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<AnyExecutor, UnknownModel> {
        name.parse::<Model>()?.start()
    }
}

impl Executor for AnyExecutor {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        self.executor.execute(job)
    }

    fn try_execute(&self, job: Job) -> Result<(), Rejected> {
        self.executor.try_execute(job)
    }

    fn limit(&self) -> Option<usize> {
        self.executor.limit()
    }

    fn parallelism(&self) -> usize {
        self.executor.parallelism()
    }

    #[track_caller]
    fn shutdown(&self, how: Shutdown) {
        self.executor.shutdown(how);
    }
}

impl InProcess for AnyExecutor {}

impl fmt::Debug for AnyExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyExecutor").field(&self.model.to_string()).finish()
    }
}
