//! Queues and channels between threads, coroutines and async tasks at the same time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use manyhands::sync::{Channel, Queue, QueueShutdown};
use manyhands::{CoroutinePool, Task, spawn_async};

const EACH: u64 = 1_000;
/// The sum of what three producers put, each `1..=EACH`.
const SUM: u64 = 3 * EACH * (EACH + 1) / 2;

/// Runs `blocking` in a thread and in a coroutine, and `future` in an async task. Ends when all have.
fn in_each_model<F: Future<Output = ()> + Send + 'static>(
    hub: &CoroutinePool,
    blocking: impl Fn() + Clone + Send + 'static,
    future: F,
) -> impl FnOnce() {
    let thread = std::thread::spawn(blocking.clone());
    let tasks: [Task<()>; 2] = [hub.spawn(blocking), spawn_async(future)];
    move || {
        thread.join().unwrap();
        tasks.into_iter().for_each(|task| task.result().unwrap());
    }
}

#[test]
fn a_queue_between_threads_coroutines_and_async_tasks() {
    let hub = CoroutinePool::new(1).unwrap();
    let queue = Arc::new(Queue::new(7));
    let sum = Arc::new(AtomicU64::new(0));

    let consumers = {
        let (queue, sum) = (Arc::clone(&queue), Arc::clone(&sum));
        let take = move |queue: &Queue<u64>, item| {
            sum.fetch_add(item, Relaxed);
            queue.task_done().unwrap();
        };
        let (same_queue, same_take) = (Arc::clone(&queue), take.clone());
        let blocking = move || queue.iter().for_each(|item| take(&queue, item));
        in_each_model(&hub, blocking, async move {
            while let Ok(item) = same_queue.get_async().await {
                same_take(&same_queue, item);
            }
        })
    };
    let producers = {
        let (queue, same_queue) = (Arc::clone(&queue), Arc::clone(&queue));
        let blocking = move || (1..=EACH).for_each(|item| queue.put(item).unwrap());
        in_each_model(&hub, blocking, async move {
            for item in 1..=EACH {
                same_queue.put_async(item).await.unwrap();
            }
        })
    };

    producers();
    queue.join();
    assert_eq!(sum.load(Relaxed), SUM);
    queue.shutdown(QueueShutdown::Drain);
    consumers();
    assert!(queue.is_empty() && queue.statistics().len_max <= 7);
}

#[test]
fn a_channel_between_threads_coroutines_and_async_tasks() {
    let hub = CoroutinePool::new(1).unwrap();
    let channel = Arc::new(Channel::new());
    let sum = Arc::new(AtomicU64::new(0));

    let consumers = {
        let (channel, sum) = (Arc::clone(&channel), Arc::clone(&sum));
        let (same_channel, same_sum) = (Arc::clone(&channel), Arc::clone(&sum));
        let blocking = move || {
            sum.fetch_add(channel.iter().sum::<u64>(), Relaxed);
        };
        in_each_model(&hub, blocking, async move {
            while let Ok(value) = same_channel.get_async().await {
                same_sum.fetch_add(value, Relaxed);
            }
        })
    };
    let producers = {
        let (channel, same_channel) = (Arc::clone(&channel), Arc::clone(&channel));
        let blocking = move || (1..=EACH).for_each(|value| channel.put(value).unwrap());
        in_each_model(&hub, blocking, async move {
            for value in 1..=EACH {
                same_channel.put_async(value).await.unwrap();
            }
        })
    };

    producers();
    channel.shutdown(QueueShutdown::Drain);
    consumers();
    assert_eq!(sum.load(Relaxed), SUM);
}

/// Coroutines of one hub give way to each other instead of waiting, and those that cannot go on yet
/// wait nevertheless.
#[test]
fn many_coroutines_of_one_hub_share_a_queue_of_one() {
    let hub = CoroutinePool::new(1).unwrap();
    let queue = Arc::new(Queue::new(1));
    let tasks: Vec<Task<u64>> = (0..20)
        .map(|number| {
            let queue = Arc::clone(&queue);
            hub.spawn(move || match number % 2 {
                0 => (1..=EACH).map(|item| queue.put(item).map_or(0, |()| item)).sum(),
                _ => (1..=EACH).map(|_| queue.get().unwrap()).sum(),
            })
        })
        .collect();
    let sums: Vec<u64> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
    let (put, got) = (sums.iter().step_by(2).sum::<u64>(), sums.iter().skip(1).step_by(2).sum());
    assert_eq!((put, got), (10 * EACH * (EACH + 1) / 2, put));
}
