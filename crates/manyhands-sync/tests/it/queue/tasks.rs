//! `task_done` and `join`.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use manyhands_sync::{Queue, QueueShutdown, TaskDoneError};
use manyhands_wait::TimedOut;

use super::{poll_once, wait_until};

#[test]
fn acceptance_087_an_extra_task_done_is_an_error() {
    let queue = Queue::new(3);
    assert_eq!(queue.task_done(), Err(TaskDoneError));
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    // It counts what was put, not what was got.
    assert_eq!((queue.task_done(), queue.task_done()), (Ok(()), Ok(())));
    assert_eq!(queue.task_done(), Err(TaskDoneError));
    assert_eq!(queue.unfinished(), 0);
    queue.put(3).unwrap();
    assert_eq!(queue.task_done(), Ok(()), "an error has changed nothing");
}

#[test]
fn acceptance_088_join_waits_for_two_workers_and_100_items() {
    let queue = Queue::unbounded();
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for item in &queue {
                    sum.fetch_add(item, Relaxed);
                    queue.task_done().unwrap();
                }
            });
        }
        // Twice: a queue can be joined again.
        for _ in 0..2 {
            sum.store(0, Relaxed);
            for item in 0..100 {
                queue.put(item).unwrap();
            }
            queue.join();
            assert_eq!(sum.load(Relaxed), 99 * 100 / 2);
        }
        queue.shutdown(QueueShutdown::Drain);
    });
}

#[test]
fn join_of_a_queue_with_nothing_to_do_returns_at_once() {
    let queue = Queue::<u8>::new(1);
    queue.join();
    assert_eq!(queue.join_timeout(Duration::ZERO), Ok(()));
    assert_eq!(poll_once(pin!(queue.join_async())), Poll::Ready(()));
}

#[test]
fn join_gives_up_when_its_time_is_over() {
    let queue = Queue::new(1);
    queue.put(1).unwrap();
    assert_eq!(queue.join_timeout(Duration::from_millis(5)), Err(TimedOut));
    assert_eq!(queue.statistics().waiting_joiners, 0);
    queue.task_done().unwrap();
    assert_eq!(queue.join_timeout(Duration::from_secs(600)), Ok(()));
}

/// Python's joiner looks again when it wakes up, and may find that more has been put.
#[test]
fn a_joiner_goes_on_even_if_more_is_put_before_it_wakes_up() {
    let queue = Queue::new(2);
    queue.put(1).unwrap();
    let mut joining = pin!(queue.join_async());
    assert!(poll_once(joining.as_mut()).is_pending());
    queue.task_done().unwrap();
    queue.put(2).unwrap();
    assert!(poll_once(joining).is_ready());
}

#[test]
fn all_joiners_go_on() {
    let queue = Queue::new(1);
    queue.put(1).unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| queue.join());
        }
        wait_until(|| queue.statistics().waiting_joiners == 3);
        queue.task_done().unwrap();
    });
}
