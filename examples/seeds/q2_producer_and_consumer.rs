//! Q2: producers and consumers, in threads and in processes, with one queue between them.
//!
//! Follows the remark that a queue carries data between threads and between processes, so that one
//! produces what the other consumes.
//!
//! Better here: one queue serves both, mixed as well; it has room for a few items only, so that a
//! producer who is faster waits; and when there is nothing more to come it is closed, which every
//! consumer sees once it has emptied it, so that nobody needs to know how many consumers to send an
//! end to.

use std::time::Duration;

use examples::Options;
use manyhands::processes::{ManagerError, Queue};
use manyhands::{Context, Process, Thread, sleep};

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 3;
const EACH: usize = 10;
const ROOM: usize = 4;

/// Puts its share of the numbers into the queue.
fn produce((queue, producer, pause): (Queue<usize>, usize, Duration)) -> Result<(), ManagerError> {
    for number in (producer * EACH..).take(EACH) {
        sleep(pause);
        queue.put(number)?;
    }
    Ok(())
}

/// Takes numbers out until no more come, and returns them.
fn consume(queue: Queue<usize>) -> Result<Vec<usize>, ManagerError> {
    let mut consumed = Vec::new();
    loop {
        match queue.get() {
            Ok(number) => {
                let name = Context::current().name();
                println!("{name} in process {} consumed {number}", std::process::id());
                consumed.push(number);
            }
            Err(error) if error.is_queue_closed() => return Ok(consumed),
            Err(error) => return Err(error),
        }
    }
}

/// What all consumed together, in order.
fn report(what: &str, shares: Vec<Vec<usize>>) {
    let mut all = shares.concat();
    all.sort_unstable();
    let once = all.iter().copied().eq(0..PRODUCERS * EACH);
    println!("{what}: {} consumed, each once: {once}", all.len());
}

fn between_threads(pause: Duration) -> anyhow::Result<()> {
    let queue = Queue::bounded(ROOM);
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| queue.clone())
        .map(|queue| Thread::spawn(move || consume(queue)))
        .collect();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| (queue.clone(), producer, pause))
        .map(|what| Thread::spawn(move || produce(what)))
        .collect();
    producers.into_iter().try_for_each(|producer| anyhow::Ok(producer.join()??))?;
    queue.close()?;
    let shares = consumers.into_iter().map(|consumer| anyhow::Ok(consumer.join()??));
    report("between threads", shares.collect::<Result<_, _>>()?);
    Ok(())
}

fn between_processes(pause: Duration) -> anyhow::Result<()> {
    let queue = Queue::bounded(ROOM);
    let consumers: Vec<_> =
        (0..CONSUMERS).map(|_| Process::start(consume, queue.clone())).collect::<Result<_, _>>()?;
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| Process::start(produce, (queue.clone(), producer, pause)))
        .collect::<Result<_, _>>()?;
    producers.into_iter().try_for_each(|producer| anyhow::Ok(producer.join()??))?;
    queue.close()?;
    let shares = consumers.into_iter().map(|consumer| anyhow::Ok(consumer.join()??));
    report("between processes", shares.collect::<Result<_, _>>()?);
    Ok(())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(0.01);
    between_threads(pause)?;
    between_processes(pause)
}
