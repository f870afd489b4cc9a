//! Who is served first, and that nobody starves.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;
use std::thread;

use manyhands_sync::{GetError, PutError, Queue, QueueShutdown};

use super::poll_once;

#[test]
fn getters_are_served_in_the_order_in_which_they_came() {
    let queue = Queue::unbounded();
    let mut getters: Vec<Pin<Box<_>>> = (0..5).map(|_| Box::pin(queue.get_async())).collect();
    getters.iter_mut().for_each(|getter| assert!(poll_once(getter.as_mut()).is_pending()));
    // One item after the other: the one that was woken is the one that waited longest.
    for served in 0..5 {
        queue.put(served).unwrap();
        for later in &mut getters[served + 1..] {
            assert!(poll_once(later.as_mut()).is_pending());
        }
        assert_eq!(poll_once(getters[served].as_mut()), Poll::Ready(Ok(served)));
    }
}

#[test]
fn putters_are_served_in_the_order_in_which_they_came() {
    let queue = Queue::new(1);
    queue.put(0).unwrap();
    let mut putters: Vec<Pin<Box<_>>> = (1..=5).map(|n| Box::pin(queue.put_async(n))).collect();
    putters.iter_mut().for_each(|putter| assert!(poll_once(putter.as_mut()).is_pending()));
    for (served, putter) in putters.iter_mut().enumerate() {
        assert_eq!(queue.get(), Ok(served));
        assert_eq!(poll_once(putter.as_mut()), Poll::Ready(Ok(())));
    }
    assert_eq!(queue.get(), Ok(5));
}

/// Somebody else is quicker twice; the third item is kept for the getter that waits.
#[test]
fn nobody_is_quicker_than_a_waiting_getter_more_than_twice() {
    let queue = Queue::unbounded();
    let mut getter = pin!(queue.get_async());
    for _ in 0..2 {
        assert!(poll_once(getter.as_mut()).is_pending());
        queue.put(1).unwrap();
        assert_eq!(queue.try_get(), Ok(1));
    }
    assert!(poll_once(getter.as_mut()).is_pending());
    queue.put(2).unwrap();
    assert_eq!(queue.try_get(), Err(GetError::Empty), "it is kept");
    queue.put(3).unwrap();
    assert_eq!(queue.try_get(), Ok(2), "one more is not");
    assert_eq!(queue.try_get(), Err(GetError::Empty));
    assert_eq!(poll_once(getter), Poll::Ready(Ok(3)));
}

#[test]
fn nobody_is_quicker_than_a_waiting_putter_more_than_twice() {
    let queue = Queue::new(1);
    queue.put(0).unwrap();
    let mut putter = pin!(queue.put_async(7));
    for _ in 0..2 {
        assert!(poll_once(putter.as_mut()).is_pending());
        assert_eq!(queue.get(), Ok(0));
        queue.try_put(0).unwrap();
    }
    assert!(poll_once(putter.as_mut()).is_pending());
    assert_eq!(queue.get(), Ok(0));
    assert_eq!(queue.try_put(8), Err(PutError::Full(8)), "the room is kept");
    assert_eq!(poll_once(putter), Poll::Ready(Ok(())));
    assert_eq!(queue.get(), Ok(7));
}

/// What was kept for a getter that is dropped is there for everybody.
#[test]
fn what_was_kept_is_free_when_nobody_comes_for_it() {
    let queue = Queue::unbounded();
    let mut getter = Box::pin(queue.get_async());
    for _ in 0..2 {
        assert!(poll_once(getter.as_mut()).is_pending());
        queue.put(1).unwrap();
        assert_eq!(queue.try_get(), Ok(1));
    }
    assert!(poll_once(getter.as_mut()).is_pending());
    queue.put(2).unwrap();
    assert_eq!(queue.try_get(), Err(GetError::Empty));
    drop(getter);
    assert_eq!(queue.try_get(), Ok(2));
}

/// One thread takes everything back at once that it puts; a getter that has to be woken gets its
/// share nevertheless.
#[test]
fn a_greedy_neighbour_starves_nobody() {
    let queue = Queue::unbounded();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                queue.put(1).unwrap();
                let _perhaps = queue.try_get();
            }
            queue.shutdown(QueueShutdown::Immediate);
        });
        for _ in 0..100 {
            queue.get().unwrap();
        }
        is_over.store(true, Relaxed);
    });
}

/// The room was taken away again before the putter came for it: it goes on waiting, before all others.
#[test]
fn a_putter_whose_room_is_gone_keeps_its_place() {
    let queue = Queue::new(2);
    queue.put(0).unwrap();
    queue.put(0).unwrap();
    let mut first = pin!(queue.put_async(1));
    let mut second = pin!(queue.put_async(2));
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    assert_eq!(queue.get(), Ok(0));
    queue.set_max_size(Some(1));
    assert!(poll_once(first.as_mut()).is_pending());
    assert_eq!(queue.get(), Ok(0));
    assert!(poll_once(second.as_mut()).is_pending());
    assert_eq!(poll_once(first), Poll::Ready(Ok(())));
    assert_eq!(queue.get(), Ok(1));
    assert_eq!(poll_once(second), Poll::Ready(Ok(())));
}
