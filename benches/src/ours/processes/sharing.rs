//! What several processes change together: a manager's objects, an atomic, a queue, a pipe.

use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use manyhands::processes::{
    ManagedList, ManagedMap, ManagerError, PipeError, Queue, SharedAtomicU64,
};
use manyhands::{Manager, Pipe, Process};

use crate::rivals::{bare, expect_sum};

type Objects = (ManagedMap<u64, u64>, ManagedList<u64>, u64);

/// Keys in the map.
const KEYS: u64 = 100;

/// Operations a second: sets and gets of a map, pushes to a list.
type Rates = [f64; 3];

/// What each of so many operations of a manager's objects costs a process that is not the
/// manager's.
///
/// # Errors
/// When a process or an operation fails.
pub(crate) fn manager(count: u64) -> Result<Rates> {
    let manager = Manager::new();
    let objects = (manager.map(), manager.list(Vec::new()), count);
    let list = objects.1.clone();
    let rates = Process::start(operate, objects)?.join().context("the process failed")?;
    ensure!(list.len()? as u64 == count, "a push is missing");
    rates.map_err(anyhow::Error::msg)
}

/// The same in the manager's own process.
///
/// # Errors
/// When an operation fails.
pub(crate) fn manager_here(count: u64) -> Result<Rates> {
    let manager = Manager::new();
    operate((manager.map(), manager.list(Vec::new()), count)).map_err(anyhow::Error::msg)
}

fn operate((map, list, count): Objects) -> Result<Rates, String> {
    let rate = |mut once: Box<dyn FnMut(u64) -> Result<(), ManagerError> + '_>| {
        let started = Instant::now();
        (0..count).try_for_each(&mut once).map_err(|error| error.to_string())?;
        Ok::<f64, String>(count as f64 / started.elapsed().as_secs_f64())
    };
    // The first call opens the line to the manager.
    map.len().map_err(|error| error.to_string())?;
    Ok([
        rate(Box::new(|n| map.insert(n % KEYS, n).map(drop)))?,
        rate(Box::new(|n| map.get(n % KEYS).map(drop)))?,
        rate(Box::new(|n| list.push(n)))?,
    ])
}

/// So many processes add to one atomic, each so often; nanoseconds each.
///
/// # Errors
/// When a process fails, or an addition is missing.
pub(crate) fn additions(parties: u64, count: u64) -> Result<f64> {
    type Job = (SharedAtomicU64, SharedAtomicU64, u64, u64);
    fn add((counter, gate, parties, count): Job) -> f64 {
        bare::additions(&counter, &gate, parties, count)
    }
    let (counter, gate) = (SharedAtomicU64::new(0)?, SharedAtomicU64::new(0)?);
    let start = |_| Process::start(add, (counter.clone(), gate.clone(), parties, count));
    let adding: Vec<Process<f64>> = (0..parties).map(start).collect::<Result<_, _>>()?;
    let mut total_ns = 0.0;
    for process in adding {
        total_ns += process.join().context("a process failed")?;
    }
    ensure!(counter.load(Ordering::Relaxed) == parties * count, "an addition is missing");
    Ok(total_ns / parties as f64)
}

/// Numbers a second from another process through a queue.
///
/// # Errors
/// When a process fails or a number is missing.
pub(crate) fn queue(count: u64) -> Result<f64> {
    fn produce((queue, count): (Queue<u64>, u64)) -> Result<(), String> {
        (0..count).try_for_each(|n| queue.put(n)).map_err(|error: ManagerError| error.to_string())
    }
    let queue = Queue::new();
    let producer = Process::start(produce, (queue.clone(), count))?;
    let rate = receive(count, || queue.get().context("the queue failed"))?;
    producer.join().context("the process failed")?.map_err(anyhow::Error::msg)?;
    Ok(rate)
}

/// Numbers a second from another process through a pipe.
///
/// # Errors
/// When a process fails or a number is missing.
pub(crate) fn pipe(count: u64) -> Result<f64> {
    fn produce((pipe, count): (Pipe<u64, ()>, u64)) -> Result<(), String> {
        (0..count).try_for_each(|n| pipe.send(&n)).map_err(|error: PipeError| error.to_string())
    }
    let (there, here) = Pipe::<u64, ()>::pair()?;
    let producer = Process::start(produce, (there, count))?;
    let rate = receive(count, || here.recv().context("the pipe failed"))?;
    producer.join().context("the process failed")?.map_err(anyhow::Error::msg)?;
    Ok(rate)
}

/// The clock begins when the first one is there.
fn receive(count: u64, mut next: impl FnMut() -> Result<u64>) -> Result<f64> {
    let mut sum = next()?;
    let started = Instant::now();
    for _ in 1..count {
        sum += next()?;
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    expect_sum(sum, count)?;
    Ok(rate)
}
