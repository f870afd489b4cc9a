//! Cancelling tasks that wait in the queue, until it is certain of each that it will never run.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use anyhow::ensure;
use manyhands::{Cancellation, ThreadPool};

use super::WORKERS;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::tokio;

pub(super) fn case(scale: Scale) -> Case<'static> {
    let tasks: u64 = scale.pick(100_000, 500);
    Case {
        rows: vec![RowSpec {
            name: "cancel_queued",
            about: format!(
                "{tasks} tasks cancelled while both workers are busy, then each one's end awaited"
            ),
            unit: "tasks/s",
            better: Better::Higher,
            metric: 0,
            against: Against::Everybody,
            bar: None,
        }],
        contenders: vec![
            Contender::single(OURS, move || by_us(tasks)),
            Contender::single("tokio, abort", move || by_tokio(tasks)),
        ],
    }
}

fn by_us(tasks: u64) -> anyhow::Result<f64> {
    let pool = ThreadPool::new(WORKERS)?;
    let gate = Gate::shut(|blocker| pool.spawn(blocker));
    let queued: Vec<_> = (0..tasks).map(|n| pool.spawn(move || n)).collect();
    let started = Instant::now();
    let all = queued.iter().all(|task| task.cancel() == Cancellation::Cancelled);
    gate.open();
    for task in queued {
        ensure!(task.result().is_err_and(|error| error.is_cancelled()), "a cancelled task ran");
    }
    let rate = tasks as f64 / started.elapsed().as_secs_f64();
    ensure!(all, "a task was not queued any more");
    Ok(rate)
}

fn by_tokio(tasks: u64) -> anyhow::Result<f64> {
    let runtime = tokio::runtime(WORKERS)?;
    let gate = Gate::shut(|blocker| runtime.spawn(async move { blocker() }));
    let queued: Vec<_> = (0..tasks).map(|n| runtime.spawn(async move { n })).collect();
    let started = Instant::now();
    queued.iter().for_each(tokio::JoinHandle::abort);
    gate.open();
    runtime.block_on(async {
        for task in queued {
            ensure!(task.await.is_err_and(|error| error.is_cancelled()), "an aborted task ran");
        }
        Ok(tasks as f64 / started.elapsed().as_secs_f64())
    })
}

/// Keeps all workers of a pool busy until it is opened.
struct Gate<H> {
    open: Vec<Sender<()>>,
    /// Kept, so that nothing is said of handles that nobody looked at.
    _blockers: Vec<H>,
}

impl<H> Gate<H> {
    /// Returns when every worker is busy.
    fn shut(spawn: impl Fn(Box<dyn FnOnce() + Send>) -> H) -> Gate<H> {
        let (busy, all_busy) = channel();
        let mut gate = Gate { open: Vec::new(), _blockers: Vec::new() };
        for _ in 0..WORKERS {
            let (open, opened): (Sender<()>, Receiver<()>) = channel();
            let busy = busy.clone();
            gate.open.push(open);
            gate._blockers.push(spawn(Box::new(move || {
                // Both fail only when the case was given up.
                let _ = busy.send(());
                let _ = opened.recv();
            })));
        }
        for _ in 0..WORKERS {
            let _ = all_busy.recv();
        }
        gate
    }

    fn open(self) {
        // The workers' receivers see the end of their channels.
        drop(self.open);
    }
}
