//! threadpool: `execute` with a oneshot channel for each task, because it has no handles.

use anyhow::Context;

use super::Pool;

/// `execute` with a oneshot channel for each task.
pub(crate) struct WithOneshot(threadpool::ThreadPool);

impl WithOneshot {
    pub(crate) const NAME: &'static str = "threadpool, oneshot each";
}

impl Pool for WithOneshot {
    type Handle = oneshot::Receiver<u64>;

    fn start(workers: usize) -> anyhow::Result<WithOneshot> {
        Ok(WithOneshot(threadpool::ThreadPool::new(workers)))
    }

    fn spawn(&self, f: impl FnOnce() -> u64 + Send + 'static) -> oneshot::Receiver<u64> {
        let (sender, receiver) = oneshot::channel();
        self.0.execute(move || {
            // Nobody waits any more: then nobody minds.
            let _ = sender.send(f());
        });
        receiver
    }

    fn result(&self, handle: oneshot::Receiver<u64>) -> anyhow::Result<u64> {
        handle.recv().context("a result was lost")
    }
}
