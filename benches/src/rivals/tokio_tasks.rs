//! tokio's tasks as light things, on one thread and on several, and its echo server.

use std::cell::Cell;
use std::marker::PhantomData;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};

use super::{Light, expect_sum};
use crate::process::tell;
use crate::usage::CpuClock;

pub(crate) const ONE_THREAD: &str = "tokio, current_thread";
pub(crate) const MANY_THREADS: &str = "tokio, multi_thread";

/// Which runtime.
pub(crate) trait Flavour: Send + 'static {
    /// How many workers; 0 for the calling thread.
    const WORKERS: usize;
}

/// Everything on the calling thread.
pub(crate) struct OneThread;
/// Two workers, who steal from each other.
pub(crate) struct TwoThreads;

impl Flavour for OneThread {
    const WORKERS: usize = 0;
}
impl Flavour for TwoThreads {
    const WORKERS: usize = 2;
}

/// Tasks.
pub(crate) struct Tasks<F: Flavour>(PhantomData<Cell<F>>);

/// A runtime with so many workers; 0 for the calling thread.
fn runtime(workers: usize) -> anyhow::Result<Runtime> {
    let mut builder = match workers {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(workers.max(1)).enable_all();
    builder.build().context("cannot make tokio's runtime")
}

/// Runs the future as a task: what `block_on` itself runs costs more to wake.
fn inside<R: Send + 'static>(
    workers: usize,
    future: impl Future<Output = anyhow::Result<R>> + Send + 'static,
) -> anyhow::Result<R> {
    let runtime = runtime(workers)?;
    runtime.block_on(runtime.spawn(future)).context("a task failed")?
}

async fn sum(tasks: Vec<JoinHandle<u64>>) -> anyhow::Result<u64> {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.context("a task failed")?;
    }
    Ok(sum)
}

impl<F: Flavour> Light for Tasks<F> {
    fn spawn_join(count: u64) -> anyhow::Result<f64> {
        async fn join(count: u64) -> anyhow::Result<()> {
            let mut sum = 0;
            for n in 0..count {
                sum += tokio::spawn(async move { n }).await.context("a task failed")?;
            }
            expect_sum(sum, count)
        }
        inside(F::WORKERS, async move {
            join(count / 10).await?;
            let clock = CpuClock::start()?;
            join(count).await?;
            clock.ns_each(count)
        })
    }

    fn spawn_batch(count: u64, size: u64) -> anyhow::Result<f64> {
        async fn batch(size: u64) -> anyhow::Result<()> {
            let tasks = (0..size).map(|n| tokio::spawn(async move { n })).collect();
            expect_sum(sum(tasks).await?, size)
        }
        inside(F::WORKERS, async move {
            batch(size).await?;
            let clock = CpuClock::start()?;
            for _ in 0..count / size {
                batch(size).await?;
            }
            clock.ns_each(count / size * size)
        })
    }

    fn yields(count: u64, among: u64) -> anyhow::Result<f64> {
        async fn turns(count: u64, among: u64) -> anyhow::Result<()> {
            let start = |_| {
                tokio::spawn(async move {
                    for _ in 0..count / among {
                        yield_now().await;
                    }
                })
            };
            let tasks: Vec<JoinHandle<()>> = (0..among).map(start).collect();
            for task in tasks {
                task.await.context("a task failed")?;
            }
            Ok(())
        }
        inside(F::WORKERS, async move {
            turns(count / 10, among).await?;
            let clock = CpuClock::start()?;
            turns(count, among).await?;
            clock.ns_each(count / among * among)
        })
    }

    fn asleep(
        count: u64,
        naps: &[Duration],
        all_asleep: &mut dyn FnMut(f64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let runtime = runtime(F::WORKERS)?;
        for (wave, nap) in naps.iter().copied().enumerate() {
            let begun = Arc::new(AtomicU64::new(0));
            let (sender, last) = oneshot::channel();
            let mut sender = Some(sender);
            let started = Instant::now();
            let tasks: Vec<JoinHandle<()>> = runtime.block_on(async {
                let start = |n: u64| {
                    let begun = Arc::clone(&begun);
                    // Only one of them can be the last: whoever is started last tells, when it is
                    // everybody's turn to have begun.
                    let tell = if n + 1 == count { sender.take() } else { None };
                    tokio::spawn(async move {
                        begun.fetch_add(1, Ordering::Relaxed);
                        if let Some(tell) = tell {
                            while begun.load(Ordering::Relaxed) < count {
                                yield_now().await;
                            }
                            let _ = tell.send(Instant::now());
                        }
                        tokio::time::sleep(nap).await;
                    })
                };
                (0..count).map(start).collect()
            });
            let last = runtime.block_on(last).context("the last one failed")?;
            all_asleep(last.duration_since(started).as_secs_f64())?;
            if wave + 1 == naps.len() {
                std::mem::forget(tasks);
            } else {
                runtime.block_on(async {
                    for task in tasks {
                        task.await.context("a task failed")?;
                    }
                    anyhow::Ok(())
                })?;
            }
        }
        std::mem::forget(runtime);
        Ok(())
    }
}

/// Answers in upper case with so many workers, 0 for one thread for everything, for ever.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn echo(workers: u64) -> anyhow::Result<()> {
    async fn answer(mut stream: TcpStream) {
        let mut buffer = [0; 1024];
        // An error is the client's end.
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            buffer[..read].make_ascii_uppercase();
            if stream.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }
    runtime(usize::try_from(workers)?)?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("cannot listen")?;
        tell(listener.local_addr().context("cannot tell the address")?)?;
        loop {
            let (stream, _peer) = listener.accept().await.context("cannot accept")?;
            tokio::spawn(answer(stream));
        }
    })
}
