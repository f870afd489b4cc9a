//! Q2: producers and consumers of one process, through each kind of queue, on threads and coroutines.
//!
//! Follows the remark that a queue carries data between those who produce and those who consume. The
//! same with processes is `q2_producer_and_consumer`.
//!
//! Better here: a queue is closed when there is nothing more to come, so nobody has to count how many
//! ends to put into it; and whoever waits at it may be a thread, a coroutine or an async task.

use std::sync::Arc;

use manyhands::sync::{Channel, LifoQueue, PriorityQueue, Queue, QueueShutdown};
use manyhands::{CoroutinePool, Thread};

const PRODUCERS: u32 = 3;
const EACH: u32 = 100;
const ROOM: usize = 8;

/// Produces on threads and consumes in coroutines, and returns whether each came once.
fn each_once(
    put: impl Fn(u32) + Send + Sync + 'static,
    get: impl Fn() -> Option<u32> + Send + Sync + 'static,
    close: impl FnOnce(),
) -> anyhow::Result<bool> {
    let (put, get) = (Arc::new(put), Arc::new(get));
    let consumers = CoroutinePool::new(1)?;
    let consumed: Vec<_> = (0..2)
        .map(|_| {
            let get = Arc::clone(&get);
            consumers.spawn(move || std::iter::from_fn(|| get()).collect::<Vec<u32>>())
        })
        .collect();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let put = Arc::clone(&put);
            Thread::spawn(move || {
                (producer * EACH..).take(EACH as usize).for_each(|item| put(item))
            })
        })
        .collect();
    producers.into_iter().try_for_each(Thread::join)?;
    close();
    let mut all = Vec::new();
    for share in consumed {
        all.extend(share.result()?);
    }
    all.sort_unstable();
    Ok(all.into_iter().eq(0..PRODUCERS * EACH))
}

/// Those three have the same methods, of types of their own.
macro_rules! through {
    ($name:literal, $queue:expr) => {{
        let queue = Arc::new($queue);
        let (to, from) = (Arc::clone(&queue), Arc::clone(&queue));
        let once = each_once(
            move |item| to.put(item).expect("closed when all is produced"),
            move || from.get().ok(),
            move || queue.shutdown(QueueShutdown::Drain),
        )?;
        println!("{}: {} produced, each consumed once: {once}", $name, PRODUCERS * EACH);
    }};
}

pub(crate) fn main() -> anyhow::Result<()> {
    through!("Queue", Queue::new(ROOM));
    through!("LifoQueue", LifoQueue::new(ROOM));
    through!("PriorityQueue", PriorityQueue::new(ROOM));
    through!("Channel", Channel::new());
    Ok(())
}
