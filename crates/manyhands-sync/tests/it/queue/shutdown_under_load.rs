//! Many threads at once, and a shutdown in the middle.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use manyhands_sync::QueueShutdown::{self, Drain, Immediate};
use manyhands_sync::{Closed, Queue, QueueStatistics};

const WRITERS: usize = 4;
const READERS: usize = 6;
const JOINERS: usize = 2;
const MESSAGES: usize = 64 * 1024;

/// Four writers, six readers, two joiners; half-way through the queue is shut down.
fn shut_down_half_way(how: QueueShutdown, max_size: usize) {
    let queue = Queue::new(max_size);
    let (put, got, sum_put, sum_got) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    // How many were put when the shutdown had returned.
    let put_by_then = AtomicUsize::new(usize::MAX);
    let start = Barrier::new(WRITERS + READERS + JOINERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (queue, put, sum_put, start) = (&queue, &put, &sum_put, &start);
            let put_by_then = &put_by_then;
            scope.spawn(move || {
                start.wait();
                for message in (writer..MESSAGES).step_by(WRITERS) {
                    match queue.put(message) {
                        Ok(()) => {
                            sum_put.fetch_add(message, Relaxed);
                            if put.fetch_add(1, Relaxed) + 1 == MESSAGES / 2 {
                                queue.shutdown(how);
                                put_by_then.store(put.load(Relaxed), Relaxed);
                            }
                        }
                        Err(Closed(back)) => return assert_eq!(back, message),
                    }
                }
            });
        }
        for _ in 0..READERS {
            scope.spawn(|| {
                start.wait();
                for message in &queue {
                    sum_got.fetch_add(message, Relaxed);
                    got.fetch_add(1, Relaxed);
                    queue.task_done().unwrap();
                }
            });
        }
        for _ in 0..JOINERS {
            scope.spawn(|| {
                start.wait();
                queue.join();
            });
        }
    });
    // Whoever shuts it down may be held up on the way there, and the others put on meanwhile. After it,
    // each of them counts at most what it had put before.
    let (put, got) = (put.into_inner(), got.into_inner());
    let put_by_then = put_by_then.into_inner();
    assert!((MESSAGES / 2..=MESSAGES).contains(&put_by_then), "{put_by_then}");
    assert!(
        (put_by_then..put_by_then + WRITERS).contains(&put),
        "{put}, {put_by_then} at the shutdown"
    );
    assert!(queue.is_shut_down() && queue.is_empty());
    match how {
        Drain => assert_eq!((got, sum_got.into_inner()), (put, sum_put.into_inner())),
        Immediate => assert!((put - max_size..=put).contains(&got), "{got} of {put}"),
    }
    assert_eq!(queue.unfinished(), 0);
    let now = queue.statistics();
    let nobody = QueueStatistics::default();
    assert_eq!(now.waiting_getters, nobody.waiting_getters);
    assert_eq!(now.waiting_putters, nobody.waiting_putters);
    assert!(now.len_max <= max_size);
}

#[test]
fn acceptance_097_shutdown_half_way_through_64k_messages() {
    for max_size in [1, 16, 1024] {
        shut_down_half_way(Drain, max_size);
        shut_down_half_way(Immediate, max_size);
    }
}

#[test]
fn acceptance_098_50_writers_and_50_readers() {
    const EACH: usize = 50;
    let queue = Queue::new(10);
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..50 {
            let queue = &queue;
            scope.spawn(move || {
                (0..EACH).for_each(|n| queue.put(writer * EACH + n).unwrap());
            });
        }
        for _ in 0..50 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    sum.fetch_add(queue.get().unwrap(), Relaxed);
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), (0..50 * EACH).sum());
    assert!(queue.is_empty());
    assert!(queue.statistics().len_max <= 10);
}
