//! What the system and the processor take by themselves, with nobody's library: the floor that
//! processes stand on.

use std::hint::spin_loop;
use std::io::{Read, Write};
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};

use crate::process::part;

pub(crate) const PING_PONG: &str = "socketpair";
pub(crate) const LOCAL_ATOMIC: &str = "local atomic";
pub(crate) const TRUE: &str = "the program `true`";

/// A byte sent to another process and back, so often; microseconds of each time.
///
/// # Errors
/// When the other process cannot be started, or ends.
pub(crate) fn ping(count: u64) -> Result<Vec<f64>> {
    let (mut here, there) = UnixStream::pair().context("there is no pair of sockets")?;
    let mut command = part("pong", &[])?;
    // Its standard input is what it ends with.
    command.stdin(Stdio::piped()).stdout(OwnedFd::from(there));
    let mut other = command.spawn().context("cannot start the other process")?;
    let keeps_it_alive = other.stdin.take();
    // It has our copy of the other end: what it does not answer must not be waited for.
    drop(command);
    let mut once = || -> Result<f64> {
        let started = Instant::now();
        here.write_all(&[1]).context("the other process has gone")?;
        here.read_exact(&mut [0]).context("the other process has gone")?;
        Ok(started.elapsed().as_secs_f64() * 1e6)
    };
    let warm: Result<Vec<f64>> = (0..count / 10 + 1).map(|_| once()).collect();
    warm?;
    let times = (0..count).map(|_| once()).collect();
    drop(here);
    let status = other.wait().context("cannot wait for a process")?;
    drop(keeps_it_alive);
    ensure!(status.success(), "the other process failed: {status}");
    times
}

/// The other side of [`ping`]: standard output is its socket.
///
/// # Errors
/// When the socket fails.
pub(crate) fn pong() -> Result<()> {
    let socket = std::io::stdout().as_fd().try_clone_to_owned().context("there is no socket")?;
    let mut socket = UnixStream::from(socket);
    let mut byte = [0];
    while socket.read(&mut byte).context("cannot receive")? == 1 {
        socket.write_all(&byte).context("cannot send")?;
    }
    Ok(())
}

/// Adds one to `counter` so often, once `parties` have come to `gate`; nanoseconds each.
pub(crate) fn additions<A>(counter: &A, gate: &A, parties: u64, count: u64) -> f64
where
    A: Deref<Target = AtomicU64>,
{
    gate.fetch_add(1, Ordering::AcqRel);
    while gate.load(Ordering::Acquire) < parties {
        spin_loop();
    }
    let started = Instant::now();
    for _ in 0..count {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    started.elapsed().as_secs_f64() * 1e9 / count as f64
}

/// Threads that add to an atomic of their process; nanoseconds each.
///
/// # Errors
/// When an addition is missing.
pub(crate) fn local_additions(parties: u64, count: u64) -> Result<f64> {
    let (counter, gate) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let adding = |_| {
        let (counter, gate) = (Arc::clone(&counter), Arc::clone(&gate));
        std::thread::spawn(move || additions(&counter, &gate, parties, count))
    };
    let threads: Vec<_> = (0..parties).map(adding).collect();
    let mut total_ns = 0.0;
    for thread in threads {
        total_ns += thread.join().map_err(|_| anyhow!("a thread failed"))?;
    }
    ensure!(counter.load(Ordering::Relaxed) == parties * count, "an addition is missing");
    Ok(total_ns / parties as f64)
}

/// Starts the program `true` and waits for its end.
///
/// # Errors
/// When it is not there.
pub(crate) fn start_true() -> Result<()> {
    let status = Command::new("true").stdin(Stdio::null()).status().context("there is no true")?;
    ensure!(status.success(), "true failed: {status}");
    Ok(())
}
