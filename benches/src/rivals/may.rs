//! may: coroutines on worker threads, on stacks of a fixed size.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use anyhow::{Context, Result};
use may::coroutine::{JoinHandle, sleep, yield_now};
use may::go;
use may::net::TcpListener;

use super::{Light, expect_sum};
use crate::process::tell;
use crate::usage::CpuClock;

pub(crate) const NAME: &str = "may";

/// Coroutines on one worker: with two the other one would steal, which costs more.
pub(crate) struct Coroutines;

fn result<R>(coroutine: JoinHandle<R>) -> Result<R> {
    coroutine.join().map_err(|_| anyhow!("a coroutine failed"))
}

fn inside(f: impl FnOnce() -> Result<f64> + Send + 'static) -> Result<f64> {
    may::config().set_workers(1);
    result(go!(f))?
}

impl Light for Coroutines {
    fn spawn_join(count: u64) -> Result<f64> {
        let join = |count: u64| {
            let sum = (0..count)
                .try_fold(0, |sum, n| Ok::<u64, anyhow::Error>(sum + result(go!(move || n))?));
            expect_sum(sum?, count)
        };
        inside(move || {
            join(count / 10)?;
            let clock = CpuClock::start()?;
            join(count)?;
            clock.ns_each(count)
        })
    }

    fn spawn_batch(count: u64, size: u64) -> Result<f64> {
        let batch = move || {
            let started: Vec<JoinHandle<u64>> = (0..size).map(|n| go!(move || n)).collect();
            let sum = started
                .into_iter()
                .try_fold(0, |sum, one| Ok::<u64, anyhow::Error>(sum + result(one)?));
            expect_sum(sum?, size)
        };
        inside(move || {
            batch()?;
            let clock = CpuClock::start()?;
            (0..count / size).try_for_each(|_| batch())?;
            clock.ns_each(count / size * size)
        })
    }

    fn yields(count: u64, among: u64) -> Result<f64> {
        let turns = move |count: u64| {
            let turn = move |_| go!(move || (0..count / among).for_each(|_| yield_now()));
            let started: Vec<JoinHandle<()>> = (0..among).map(turn).collect();
            started.into_iter().try_for_each(result)
        };
        inside(move || {
            turns(count / 10)?;
            let clock = CpuClock::start()?;
            turns(count)?;
            clock.ns_each(count / among * among)
        })
    }

    fn asleep(
        count: u64,
        naps: &[Duration],
        all_asleep: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<()> {
        may::config().set_workers(1);
        for (wave, nap) in naps.iter().copied().enumerate() {
            let begun = Arc::new(AtomicU64::new(0));
            let started = Instant::now();
            let start = |_| {
                let begun = Arc::clone(&begun);
                go!(move || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    sleep(nap);
                })
            };
            let sleepers: Vec<JoinHandle<()>> = (0..count).map(start).collect();
            while begun.load(Ordering::Relaxed) < count {
                std::thread::sleep(Duration::from_millis(1));
            }
            all_asleep(started.elapsed().as_secs_f64())?;
            if wave + 1 == naps.len() {
                std::mem::forget(sleepers);
            } else {
                sleepers.into_iter().try_for_each(result)?;
            }
        }
        Ok(())
    }
}

/// Answers in upper case with so many workers, for ever.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn echo(workers: u64) -> Result<()> {
    may::config().set_workers(usize::try_from(workers)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    tell(listener.local_addr().context("cannot tell the address")?)?;
    let accept = go!(move || loop {
        let (mut stream, _peer) = listener.accept().context("cannot accept")?;
        go!(move || {
            let mut buffer = [0; 1024];
            // An error is the client's end.
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                buffer[..read].make_ascii_uppercase();
                if stream.write_all(&buffer[..read]).is_err() {
                    return;
                }
            }
        });
    });
    result::<Result<()>>(accept)?
}
