//! The inter-process queue: everything comes out once, whoever dies.

use std::collections::BTreeSet;

use manyhands_executor::ExecutorExt;
use manyhands_processes::{ManagerErrorKind, Process, ProcessPool, Queue};

use crate::patience::{LONG, eventually};

fn produce((queue, numbers): (Queue<u32>, std::ops::Range<u32>)) {
    for number in numbers {
        queue.put(number).unwrap();
    }
}

/// Takes items until the queue is closed.
fn consume(queue: Queue<u32>) -> Vec<u32> {
    let mut taken = Vec::new();
    loop {
        match queue.get() {
            Ok(item) => taken.push(item),
            Err(error) if error.is_queue_closed() => return taken,
            Err(error) => panic!("{error}"),
        }
        queue.task_done().unwrap();
    }
}

#[test]
fn everything_produced_is_consumed_once_between_processes_and_threads() {
    let queue = Queue::bounded(8);
    let producers =
        [0..300, 300..600].map(|part| Process::start(produce, (queue.clone(), part)).unwrap());
    let consumers = [0, 1].map(|_| Process::start(consume, queue.clone()).unwrap());
    let here = queue.clone();
    let thread = std::thread::spawn(move || consume(here));
    produce((queue.clone(), 600..900));
    for producer in producers {
        producer.join().unwrap();
    }
    queue.join().unwrap();
    queue.close().unwrap();
    let mut taken = thread.join().unwrap();
    for consumer in consumers {
        taken.extend(consumer.join().unwrap());
    }
    assert_eq!(taken.len(), 900, "nothing twice");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), (0..900).collect());
    assert_eq!(queue.lost(), Ok(0));
}

#[test]
fn items_of_one_producer_come_in_order() {
    let queue = Queue::new();
    let process = Process::start(produce, (queue.clone(), 0..500)).unwrap();
    let taken: Vec<u32> = (0..500).map(|_| queue.get().unwrap()).collect();
    assert_eq!(taken, (0..500).collect::<Vec<_>>());
    process.join().unwrap();
}

#[test]
fn consumers_that_are_killed_between_items_lose_nothing() {
    type Queues = (Queue<u32>, Queue<u32>, Queue<()>);
    fn take_three_and_wait((queue, taken, never): Queues) {
        for _ in 0..3 {
            taken.put(queue.get().unwrap()).unwrap();
        }
        never.get().unwrap();
    }
    let (queue, taken, never) = (Queue::new(), Queue::new(), Queue::new());
    let mut all = BTreeSet::new();
    for round in 0..3 {
        let queues = (queue.clone(), taken.clone(), never.clone());
        let process = Process::start(take_three_and_wait, queues).unwrap();
        produce((queue.clone(), round * 10..round * 10 + 10));
        for _ in 0..3 {
            let item = taken.get_timeout(LONG).unwrap().expect("it hands over what it takes");
            assert!(all.insert(item), "{item} twice");
        }
        process.kill().unwrap();
        process.wait();
    }
    while let Some(item) = queue.try_get().unwrap() {
        assert!(all.insert(item), "{item} twice");
    }
    assert_eq!(all, (0..30).collect());
}

#[test]
fn items_on_their_way_to_killed_consumers_go_to_others() {
    fn take(queue: Queue<u32>) {
        queue.get().unwrap();
        std::process::abort();
    }
    // Each dies with its first item.
    let queue = Queue::new();
    let consumers: Vec<_> = (0..4).map(|_| Process::start(take, queue.clone()).unwrap()).collect();
    produce((queue.clone(), 0..100));
    for consumer in &consumers {
        consumer.wait();
    }
    eventually("what was on its way is back", || queue.lost() == Ok(4));
    assert_eq!(queue.len(), Ok(96));
    for _ in 0..96 {
        queue.get().unwrap();
        queue.task_done().unwrap();
    }
    queue.join().unwrap();
}

#[test]
fn a_queue_is_used_from_a_pool_and_sent_through_a_queue() {
    let pool = ProcessPool::new(2).unwrap();
    let outer: Queue<Queue<u32>> = Queue::new();
    let answer = |outer: Queue<Queue<u32>>| outer.get().unwrap().put(42).unwrap();
    let task = pool.submit(answer, outer.clone());
    let inner = Queue::new();
    outer.put(inner.clone()).unwrap();
    assert_eq!(inner.get(), Ok(42));
    task.result().unwrap();
}

#[test]
fn a_queue_ends_with_the_last_handle_of_the_process_that_made_it() {
    fn wait((queues, ready): (Queue<Queue<u32>>, Queue<()>)) -> ManagerErrorKind {
        let queue = queues.get().unwrap();
        ready.put(()).unwrap();
        queue.get().unwrap_err().kind()
    }
    let (queue, queues, ready) = (Queue::new(), Queue::new(), Queue::new());
    let process = Process::start(wait, (queues.clone(), ready.clone())).unwrap();
    queues.put(queue.clone()).unwrap();
    ready.get().unwrap();
    // A handle that has been elsewhere and come back counts like any other here.
    let back = Process::start(|queue: Queue<u32>| queue, queue.clone()).unwrap().join().unwrap();
    drop(queue);
    assert_eq!(back.len(), Ok(0));
    drop(back);
    assert_eq!(process.join().unwrap(), ManagerErrorKind::Closed);
}
