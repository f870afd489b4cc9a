//! Coroutines of manyhands, in the part of a contender.

use std::cell::{Cell, OnceCell};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use manyhands::coroutines::net::{TcpListener, TcpStream};
use manyhands::coroutines::server::StreamServer;
use manyhands::coroutines::{Coroutine, stack};
use manyhands::{CoroutinePool, Task, sleep, spawn_local, yield_now};

use crate::process::tell;
use crate::rivals::{Light, expect_sum};
use crate::usage::CpuClock;

/// Coroutines on the hub of the calling thread.
pub(crate) struct Hub;

/// Runs `f` in a coroutine.
fn inside<R: 'static>(f: impl FnOnce() -> anyhow::Result<R> + 'static) -> anyhow::Result<R> {
    spawn_local(f).result().context("a coroutine failed")?
}

fn sum(tasks: impl IntoIterator<Item = Task<u64>>) -> anyhow::Result<u64> {
    tasks.into_iter().try_fold(0, |sum, task| Ok(sum + task.result().context("a task failed")?))
}

impl Light for Hub {
    fn spawn_join(count: u64) -> anyhow::Result<f64> {
        let join = |count: u64| {
            let results = (0..count).map(|n| spawn_local(move || n));
            expect_sum(sum(results)?, count)
        };
        inside(move || {
            join(count / 10)?;
            let clock = CpuClock::start()?;
            join(count)?;
            clock.ns_each(count)
        })
    }

    fn spawn_batch(count: u64, size: u64) -> anyhow::Result<f64> {
        let batch = move || {
            let tasks: Vec<Task<u64>> = (0..size).map(|n| spawn_local(move || n)).collect();
            expect_sum(sum(tasks)?, size)
        };
        inside(move || {
            // Stacks for a whole batch stay warm, as memory does for those who have none.
            stack::set_idle_max(usize::try_from(size)?);
            batch()?;
            let clock = CpuClock::start()?;
            (0..count / size).try_for_each(|_| batch())?;
            clock.ns_each(count / size * size)
        })
    }

    fn yields(count: u64, among: u64) -> anyhow::Result<f64> {
        let turns = |count: u64| {
            let start = |_| spawn_local(move || (0..count / among).for_each(|_| yield_now()));
            let tasks: Vec<Task<()>> = (0..among).map(start).collect();
            tasks.into_iter().try_for_each(Task::result).context("a coroutine failed")
        };
        turns(count / 10)?;
        let clock = CpuClock::start()?;
        turns(count)?;
        clock.ns_each(count / among * among)
    }

    fn asleep(
        count: u64,
        naps: &[Duration],
        all_asleep: &mut dyn FnMut(f64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        stack::set_idle_max(usize::try_from(count)?);
        for (wave, nap) in naps.iter().copied().enumerate() {
            let begun = Rc::new((Cell::new(0), Cell::new(None)));
            let started = Instant::now();
            let start = |_| {
                let begun = Rc::clone(&begun);
                spawn_local(move || {
                    begun.0.set(begun.0.get() + 1);
                    if begun.0.get() == count {
                        begun.1.set(Some(Instant::now()));
                    }
                    sleep(nap);
                })
            };
            let tasks: Vec<Task<()>> = (0..count).map(start).collect();
            let last = loop {
                sleep(Duration::from_millis(1));
                if let Some(last) = begun.1.get() {
                    break last;
                }
            };
            all_asleep(last.duration_since(started).as_secs_f64())?;
            if wave + 1 == naps.len() {
                std::mem::forget(tasks);
            } else {
                tasks.into_iter().try_for_each(Task::result).context("a coroutine failed")?;
            }
        }
        Ok(())
    }
}

/// A coroutine that nobody schedules: switched to and back; CPU nanoseconds for each such pair.
///
/// # Errors
/// When the operating system does not tell CPU times.
pub(crate) fn switch_pairs(count: u64) -> anyhow::Result<f64> {
    let coroutine = Coroutine::new(|me, mut n: u64| {
        while n != u64::MAX {
            n = me.suspend(n + 1);
        }
    });
    let switch = |count| (0..count).for_each(|n| _ = black_box(coroutine.switch(black_box(n))));
    switch(count / 10);
    let clock = CpuClock::start()?;
    switch(count);
    let ns = clock.ns_each(count);
    coroutine.switch(u64::MAX);
    ns
}

/// Two loops, a sum and a product, that switch to each other after each step; CPU nanoseconds for a
/// step.
///
/// # Errors
/// When the operating system does not tell CPU times.
pub(crate) fn switch_loop(count: u64) -> anyhow::Result<f64> {
    let second: Rc<OnceCell<Coroutine>> = Rc::default();
    let first = Coroutine::new({
        let second = Rc::clone(&second);
        move |me, ()| {
            let Some(second) = second.get() else { return };
            let mut total = 1_u64;
            for n in 0..count / 2 {
                total = black_box(total.wrapping_add(n));
                me.switch_to(second, ());
            }
        }
    });
    let other = first.clone();
    let _ = second.set(Coroutine::new(move |me, ()| {
        let mut total = 1_u64;
        for n in 0..count / 2 {
            total = black_box(total.wrapping_mul(n));
            me.switch_to(&other, ());
        }
    }));
    let clock = CpuClock::start()?;
    first.switch(());
    ensure!(first.is_dead(), "a loop did not come to its end");
    clock.ns_each(count)
}

/// The same by two coroutines of a hub, which let each other go first.
///
/// # Errors
/// When a coroutine fails.
pub(crate) fn yield_loop(count: u64) -> anyhow::Result<f64> {
    let clock = CpuClock::start()?;
    let first = spawn_local(move || {
        let mut total = 1_u64;
        for n in 0..count / 2 {
            total = black_box(total.wrapping_add(n));
            yield_now();
        }
    });
    let second = spawn_local(move || {
        let mut total = 1_u64;
        for n in 0..count / 2 {
            total = black_box(total.wrapping_mul(n));
            yield_now();
        }
    });
    for task in [first, second] {
        task.result().context("a coroutine failed")?;
    }
    clock.ns_each(count)
}

/// The same two loops one after the other, without any switch.
///
/// # Errors
/// When the operating system does not tell CPU times.
pub(crate) fn sequence(count: u64) -> anyhow::Result<f64> {
    let clock = CpuClock::start()?;
    black_box((0..count / 2).fold(1_u64, |total, n| black_box(total.wrapping_add(n))));
    black_box((0..count / 2).fold(1_u64, |total, n| black_box(total.wrapping_mul(n))));
    clock.ns_each(count)
}

/// Answers in upper case on so many hubs, for ever.
///
/// # Errors
/// When it cannot listen, or the pool cannot be made.
pub(crate) fn echo(hubs: u64) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    let server = StreamServer::new(listener, |mut stream: TcpStream, _peer| {
        let mut buffer = [0; 1024];
        // An error is the client's end.
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            buffer[..read].make_ascii_uppercase();
            if stream.write_all(&buffer[..read]).is_err() {
                return;
            }
        }
    });
    tell(server.local_addr().context("cannot tell the address")?)?;
    server.serve(&CoroutinePool::new(usize::try_from(hubs)?)?).context("the server ended")?;
    Ok(())
}
