//! Queues and channels: nothing is lost and nobody is left asleep, whoever gives up when.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use manyhands_sync::{Channel, Closed, Queue, QueueShutdown};

use crate::model_bounded;

/// Room for one: each put waits for a get, and each get for a put.
#[test]
fn two_items_through_room_for_one() {
    model_bounded(3, || {
        let queue = Arc::new(Queue::new(1));
        let putter = thread::spawn({
            let queue = Arc::clone(&queue);
            move || (1..=2).for_each(|n| block_on(queue.put_async(n)).unwrap())
        });
        assert_eq!(block_on(queue.get_async()), Ok(1));
        assert_eq!(block_on(queue.get_async()), Ok(2));
        putter.join().unwrap();
    });
}

/// One of two getters gives up at any time; the item goes to the other one.
#[test]
fn a_getter_that_gives_up_passes_its_item_on() {
    model_bounded(3, || {
        let queue = Arc::new(Queue::unbounded());
        let hasty = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let got = {
                    let mut getting = pin!(queue.get_async());
                    getting.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                };
                if let Poll::Ready(got) = got {
                    queue.try_put(got.unwrap()).unwrap();
                }
            }
        });
        let putter = thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.try_put(7).unwrap()
        });
        assert_eq!(block_on(queue.get_async()), Ok(7));
        hasty.join().unwrap();
        putter.join().unwrap();
        assert!(queue.is_empty());
    });
}

/// One of two putters gives up at any time; the room goes to the other one.
#[test]
fn a_putter_that_gives_up_passes_its_room_on() {
    model_bounded(3, || {
        let queue = Arc::new(Queue::new(1));
        queue.try_put(0).unwrap();
        let hasty = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let mut putting = pin!(queue.put_async(1));
                putting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
            }
        });
        let putter = thread::spawn({
            let queue = Arc::clone(&queue);
            move || block_on(queue.put_async(2)).unwrap()
        });
        assert_eq!(block_on(queue.get_async()), Ok(0));
        let second = block_on(queue.get_async()).unwrap();
        let has_put = hasty.join().unwrap();
        if has_put {
            let both = second + block_on(queue.get_async()).unwrap();
            assert_eq!(both, 3);
        } else {
            assert_eq!(second, 2);
        }
        putter.join().unwrap();
        assert!(queue.is_empty());
    });
}

/// A shut-down at any time: the item is got, or comes back, or is discarded; and everybody ends.
#[test]
fn a_shutdown_ends_all_waits() {
    for how in [QueueShutdown::Drain, QueueShutdown::Immediate] {
        model_bounded(2, move || {
            let queue = Arc::new(Queue::new(1));
            let putter = thread::spawn({
                let queue = Arc::clone(&queue);
                move || {
                    let put = [1, 2].map(|n| block_on(queue.put_async(n)));
                    put.into_iter().filter(|put| put.is_ok()).count()
                }
            });
            let getter = thread::spawn({
                let queue = Arc::clone(&queue);
                move || {
                    let mut got = 0;
                    while let Ok(_item) = block_on(queue.get_async()) {
                        got += 1;
                    }
                    got
                }
            });
            queue.shutdown(how);
            let (put, got) = (putter.join().unwrap(), getter.join().unwrap());
            match how {
                QueueShutdown::Drain => assert_eq!(got, put),
                QueueShutdown::Immediate => assert!(got <= put),
            }
            assert!(queue.is_empty());
        });
    }
}

/// The last one says that it is done while somebody begins to join.
#[test]
fn a_joiner_misses_no_end() {
    model_bounded(3, || {
        let queue = Arc::new(Queue::unbounded());
        queue.try_put(1).unwrap();
        let worker = thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.task_done().unwrap()
        });
        block_on(queue.join_async());
        assert_eq!(queue.unfinished(), 0);
        worker.join().unwrap();
    });
}

/// A put that gives up at any time was got, or has its value dropped, and never both.
#[test]
fn a_channel_hands_over_once_or_not_at_all() {
    model_bounded(3, || {
        let channel = Arc::new(Channel::new());
        let hasty = thread::spawn({
            let channel = Arc::clone(&channel);
            move || {
                let mut putting = pin!(channel.put_async(1));
                let _perhaps = putting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        });
        let putter = thread::spawn({
            let channel = Arc::clone(&channel);
            move || {
                let put = block_on(channel.put_async(2));
                channel.shutdown(QueueShutdown::Drain);
                put
            }
        });
        let mut got = Vec::new();
        while let Ok(value) = block_on(channel.get_async()) {
            got.push(value);
        }
        hasty.join().unwrap();
        assert_eq!(putter.join().unwrap(), Ok(()));
        got.sort_unstable();
        assert!(got == [2] || got == [1, 2], "{got:?}");
    });
}

/// A shut-down while a value is on offer: it is got or comes back.
#[test]
fn a_channel_that_is_shut_down_gives_values_back() {
    model_bounded(3, || {
        let channel = Arc::new(Channel::new());
        let putter = thread::spawn({
            let channel = Arc::clone(&channel);
            move || block_on(channel.put_async(1))
        });
        let getter = thread::spawn({
            let channel = Arc::clone(&channel);
            move || block_on(channel.get_async())
        });
        channel.shutdown(QueueShutdown::Drain);
        match (putter.join().unwrap(), getter.join().unwrap()) {
            (Ok(()), Ok(1)) | (Err(Closed(1)), Err(Closed(()))) => {}
            other => panic!("{other:?}"),
        }
    });
}
