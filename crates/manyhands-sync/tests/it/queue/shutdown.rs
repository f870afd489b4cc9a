//! Shutting a queue down: what can still be done, who is woken, what is dropped.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use manyhands_sync::QueueShutdown::{Drain, Immediate};
use manyhands_sync::{Closed, GetError, LifoQueue, PriorityQueue, PutError, Queue, TaskDoneError};

use super::{poll_once, wait_until};

const LONG: Duration = Duration::from_secs(600);

/// Whatever puts or gets says that the queue was shut down.
fn assert_all_fail(queue: &Queue<u32>) {
    assert_eq!(queue.put(9), Err(Closed(9)));
    assert_eq!(queue.try_put(9), Err(PutError::Closed(9)));
    assert_eq!(queue.put_timeout(9, LONG), Err(PutError::Closed(9)));
    assert_eq!(poll_once(pin!(queue.put_async(9))), Poll::Ready(Err(Closed(9))));
    assert_eq!(queue.get(), Err(Closed(())));
    assert_eq!(queue.try_get(), Err(GetError::Closed));
    assert_eq!(queue.get_timeout(LONG), Err(GetError::Closed));
    assert_eq!(poll_once(pin!(queue.get_async())), Poll::Ready(Err(Closed(()))));
    assert_eq!(queue.iter().next(), None);
}

#[test]
fn acceptance_090_an_empty_queue_that_is_shut_down_takes_and_gives_nothing() {
    for how in [Drain, Immediate] {
        let queue = Queue::new(2);
        assert!(!queue.is_shut_down());
        queue.shutdown(how);
        assert!(queue.is_shut_down());
        assert_all_fail(&queue);
    }
}

#[test]
fn acceptance_091_what_is_in_it_is_drained_and_then_it_fails() {
    let queue = Queue::new(4);
    for n in 0..4 {
        queue.put(n).unwrap();
    }
    queue.shutdown(Drain);
    assert_eq!(queue.put(9), Err(Closed(9)), "full or not");
    assert_eq!(queue.get(), Ok(0));
    assert_eq!(queue.try_put(9), Err(PutError::Closed(9)), "although there is room");
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(queue.get_timeout(Duration::ZERO), Ok(2));
    assert_eq!(poll_once(pin!(queue.get_async())), Poll::Ready(Ok(3)));
    assert_all_fail(&queue);
    // What was got can still be said to be done.
    assert_eq!(queue.unfinished(), 4);
    (0..4).for_each(|_| queue.task_done().unwrap());
    queue.join();
}

#[test]
fn acceptance_091_the_other_orders_drain_too() {
    let lifo = LifoQueue::new(2);
    let priority = PriorityQueue::new(2);
    for n in [1, 2] {
        lifo.put(n).unwrap();
        priority.put(n).unwrap();
    }
    lifo.shutdown(Drain);
    priority.shutdown(Drain);
    assert!(lifo.iter().eq([2, 1]) && priority.iter().eq([1, 2]));
    assert_eq!((lifo.put(1), priority.put(1)), (Err(Closed(1)), Err(Closed(1))));
}

#[test]
fn acceptance_092_an_immediate_shutdown_discards_and_counts_what_it_discards_as_done() {
    let queue = Queue::new(4);
    for n in 0..4 {
        queue.put(n).unwrap();
    }
    assert_eq!(queue.get(), Ok(0));
    queue.shutdown(Immediate);
    assert_all_fail(&queue);
    assert_eq!(queue.len(), 0);
    // What was got before is still being worked on.
    assert_eq!(queue.unfinished(), 1);
    queue.task_done().unwrap();
    assert_eq!(queue.task_done(), Err(TaskDoneError));
    queue.join();
}

/// More may be done than was got: then there is less to count as done than is discarded.
#[test]
fn acceptance_092_discarding_never_counts_below_nothing() {
    let queue = Queue::new(3);
    for n in 0..3 {
        queue.put(n).unwrap();
    }
    queue.task_done().unwrap();
    queue.shutdown(Immediate);
    assert_eq!(queue.unfinished(), 0);
    queue.join();
}

#[test]
fn acceptance_093_transitions() {
    // Any number of times, in any order; what is discarded stays discarded.
    for transitions in
        [[Drain, Drain, Immediate], [Drain, Immediate, Drain], [Immediate, Drain, Immediate]]
    {
        let queue = Queue::new(1);
        queue.put(1).unwrap();
        for how in transitions {
            queue.shutdown(how);
            assert!(queue.is_shut_down());
        }
        assert_all_fail(&queue);
        queue.join();
    }
}

#[test]
fn acceptance_094_a_shutdown_wakes_those_who_get() {
    for how in [Drain, Immediate] {
        let queue = Queue::<u32>::new(2);
        thread::scope(|scope| {
            let forever = [(); 2].map(|()| scope.spawn(|| queue.get()));
            let limited = scope.spawn(|| queue.get_timeout(LONG));
            wait_until(|| queue.statistics().waiting_getters == 3);
            queue.shutdown(how);
            for getter in forever {
                assert_eq!(getter.join().unwrap(), Err(Closed(())));
            }
            assert_eq!(limited.join().unwrap(), Err(GetError::Closed));
        });
    }
}

/// Two getters, one of which is already on its way to the only item.
#[test]
fn acceptance_094_after_a_drain_the_last_item_ends_the_waits_for_more() {
    let queue = Queue::new(1);
    let mut first = pin!(queue.get_async());
    let mut second = pin!(queue.get_async());
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    queue.put(1).unwrap();
    queue.shutdown(Drain);
    assert_eq!(queue.statistics().waiting_getters, 1, "an item is there, so it is not over yet");
    assert_eq!(poll_once(first), Poll::Ready(Ok(1)));
    assert_eq!(queue.statistics().waiting_getters, 0, "now it is");
    assert_eq!(poll_once(second), Poll::Ready(Err(Closed(()))));
}

#[test]
fn acceptance_095_a_shutdown_wakes_those_who_put_and_their_items_come_back() {
    for how in [Drain, Immediate] {
        let queue = Queue::new(1);
        queue.put(0).unwrap();
        thread::scope(|scope| {
            let forever = scope.spawn(|| queue.put(1));
            let limited = scope.spawn(|| queue.put_timeout(2, LONG));
            wait_until(|| queue.statistics().waiting_putters == 2);
            queue.shutdown(how);
            assert_eq!(forever.join().unwrap(), Err(Closed(1)));
            assert_eq!(limited.join().unwrap(), Err(PutError::Closed(2)));
        });
        assert_eq!(queue.try_get().is_ok(), how == Drain);
    }
}

#[test]
fn acceptance_096_an_immediate_shutdown_releases_join() {
    let queue = Queue::new(2);
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    thread::scope(|scope| {
        let joiners = [(); 2].map(|()| scope.spawn(|| queue.join()));
        wait_until(|| queue.statistics().waiting_joiners == 2);
        queue.shutdown(Immediate);
        joiners.into_iter().for_each(|joiner| joiner.join().unwrap());
    });
}

#[test]
fn acceptance_096_join_after_a_drain_waits_for_what_is_left() {
    let queue = Queue::new(2);
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    thread::scope(|scope| {
        let joiner = scope.spawn(|| queue.join());
        wait_until(|| queue.statistics().waiting_joiners == 1);
        queue.shutdown(Drain);
        for _ in 0..2 {
            assert_eq!(queue.statistics().waiting_joiners, 1);
            queue.get().unwrap();
            queue.task_done().unwrap();
        }
        joiner.join().unwrap();
    });
}

/// Its destructor uses the queue that it was in.
struct Reporting<'a>(&'a Queue<Reporting<'a>>, Arc<std::sync::Mutex<Vec<usize>>>);

impl Drop for Reporting<'_> {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.len());
    }
}

#[test]
fn what_is_discarded_is_dropped_when_the_queue_is_free_again() {
    let queue = &*Box::leak(Box::new(Queue::new(3)));
    let seen = Arc::default();
    for _ in 0..3 {
        assert!(queue.put(Reporting(queue, Arc::clone(&seen))).is_ok());
    }
    queue.shutdown(Immediate);
    assert_eq!(*seen.lock().unwrap(), [0, 0, 0]);
}
