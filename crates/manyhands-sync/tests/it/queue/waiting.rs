//! Puts and gets that wait: for how long, who is woken, and what is left when they end early.

use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use manyhands_sync::{Closed, GetError, LifoQueue, PriorityQueue, PutError, Queue, QueueShutdown};
use manyhands_wait::{CancelToken, timeout, with_cancel_token};

use super::{poll_once, wait_until};

const MOMENT: Duration = Duration::from_millis(20);
/// Longer than any test lasts.
const LONG: Duration = Duration::from_secs(600);

/// The same for each order of queue.
macro_rules! for_each_order {
    ($name:ident, |$queue:ident: $new:ident| $body:block) => {
        #[test]
        fn $name() {
            {
                use Queue as $new;
                let $queue = $new::new(1);
                $body
            }
            {
                use LifoQueue as $new;
                let $queue = $new::new(1);
                $body
            }
            {
                use PriorityQueue as $new;
                let $queue = $new::new(1);
                $body
            }
        }
    };
}

for_each_order!(acceptance_081_full_put_is_an_error_without_and_with_time, |queue: New| {
    queue.put(1).unwrap();
    assert_eq!(queue.try_put(2), Err(PutError::Full(2)));
    let start = Instant::now();
    assert_eq!(queue.put_timeout(3, MOMENT), Err(PutError::Full(3)));
    assert!(start.elapsed() >= MOMENT);
    assert_eq!((queue.len(), queue.unfinished()), (1, 1));
});

for_each_order!(acceptance_082_empty_get_is_an_error_without_and_with_time, |queue: New| {
    assert_eq!(queue.try_get(), Err(GetError::Empty));
    let start = Instant::now();
    assert_eq!(queue.get_timeout(MOMENT), Err(GetError::Empty));
    assert!(start.elapsed() >= MOMENT);
    queue.put(1).unwrap();
    assert_eq!(queue.get_timeout(LONG), Ok(1));
});

for_each_order!(acceptance_083_a_blocked_put_and_a_blocked_get_go_on, |queue: New| {
    thread::scope(|scope| {
        let getter = scope.spawn(|| (queue.get(), queue.get_timeout(LONG)));
        wait_until(|| queue.statistics().waiting_getters == 1);
        queue.put(1).unwrap();
        queue.put_timeout(2, LONG).unwrap();
        assert_eq!(getter.join().unwrap(), (Ok(1), Ok(2)));

        queue.put(3).unwrap();
        let putter = scope.spawn(|| queue.put(4));
        wait_until(|| queue.statistics().waiting_putters == 1);
        assert_eq!(queue.get(), Ok(3));
        assert_eq!(putter.join().unwrap(), Ok(()));
        assert_eq!(queue.get(), Ok(4));
    });
});

/// Python refuses a negative timeout; a `Duration` has none. What is nearest to it, no time at all,
/// is the same as trying.
#[test]
fn acceptance_084_no_time_is_the_same_as_trying() {
    assert!(Duration::try_from_secs_f64(-1.0).is_err());
    let queue = Queue::new(1);
    assert_eq!(queue.get_timeout(Duration::ZERO), Err(GetError::Empty));
    assert_eq!(queue.put_timeout(1, Duration::ZERO), Ok(()));
    assert_eq!(queue.put_timeout(2, Duration::ZERO), Err(PutError::Full(2)));
    assert_eq!(queue.get_timeout(Duration::ZERO), Ok(1));
    // And more time than there is on any clock is no limit.
    assert_eq!(queue.put_timeout(1, Duration::MAX), Ok(()));
    assert_eq!(queue.get_timeout(Duration::MAX), Ok(1));
}

#[test]
fn acceptance_086_a_larger_max_size_wakes_those_who_wait_for_room() {
    let queue = Queue::new(1);
    queue.put(0).unwrap();
    thread::scope(|scope| {
        let queue = &queue;
        let putters: Vec<_> = (1..=3).map(|n| scope.spawn(move || queue.put(n))).collect();
        wait_until(|| queue.statistics().waiting_putters == 3);
        queue.set_max_size(Some(4));
        putters.into_iter().for_each(|putter| assert_eq!(putter.join().unwrap(), Ok(())));
    });
    assert_eq!(queue.len(), 4);
}

#[test]
fn a_getter_that_is_dropped_passes_its_item_on() {
    let queue = Queue::new(1);
    let mut first = Box::pin(queue.get_async());
    let mut second = pin!(queue.get_async());
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    queue.put(7).unwrap();
    assert_eq!(queue.statistics().waiting_getters, 1, "one is on its way, for one item");
    drop(first);
    assert_eq!(queue.statistics().waiting_getters, 0);
    assert_eq!(poll_once(second), Poll::Ready(Ok(7)));
}

#[test]
fn a_putter_that_is_dropped_passes_its_room_on() {
    let queue = Queue::new(1);
    queue.put(1).unwrap();
    let mut first = Box::pin(queue.put_async(2));
    let mut second = pin!(queue.put_async(3));
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    assert_eq!(queue.get(), Ok(1));
    drop(first);
    assert_eq!(poll_once(second), Poll::Ready(Ok(())));
    assert_eq!(queue.get(), Ok(3));
}

#[test]
fn a_waiter_that_is_dropped_before_its_turn_is_passed_over() {
    let queue = Queue::unbounded();
    let mut first = Box::pin(queue.get_async());
    let mut second = pin!(queue.get_async());
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    drop(first);
    queue.put(7).unwrap();
    assert_eq!(poll_once(second), Poll::Ready(Ok(7)));
}

#[test]
fn a_getter_whose_time_is_over_leaves_the_item_to_others() {
    let queue = Queue::new(1);
    for n in 0..500u64 {
        thread::scope(|scope| {
            let hasty = scope.spawn(|| queue.get_timeout(Duration::from_micros(n % 60)));
            let patient = scope.spawn(|| queue.get());
            queue.put(n).unwrap();
            match hasty.join().unwrap() {
                Ok(got) => {
                    assert_eq!(got, n);
                    queue.put(n).unwrap();
                }
                Err(error) => assert_eq!(error, GetError::Empty),
            }
            assert_eq!(patient.join().unwrap(), Ok(n));
        });
    }
}

#[test]
fn a_put_that_was_given_up_has_put_nothing() {
    let queue = Queue::new(1);
    queue.put(0).unwrap();
    for n in 1..500u64 {
        let put = thread::scope(|scope| {
            let putter = scope.spawn(|| queue.put_timeout(n, Duration::from_micros(n % 60)));
            assert_eq!(queue.get(), Ok(0));
            putter.join().unwrap()
        });
        match put {
            Ok(()) => assert_eq!(queue.get(), Ok(n)),
            Err(error) => assert_eq!(error, PutError::Full(n)),
        }
        queue.put(0).unwrap();
    }
}

#[test]
fn a_cancelled_getter_takes_nothing_and_unwinds() {
    let queue = Queue::<u8>::new(1);
    let token = CancelToken::new();
    thread::scope(|scope| {
        let getter = scope.spawn(|| with_cancel_token(&token, || queue.get()));
        wait_until(|| queue.statistics().waiting_getters == 1);
        token.cancel();
        assert!(getter.join().unwrap().is_err(), "it was cancelled");
    });
    assert_eq!(queue.statistics().waiting_getters, 0);
    queue.put(1).unwrap();
    assert_eq!(queue.get(), Ok(1));
}

#[test]
fn an_ambient_deadline_ends_puts_and_gets() {
    let queue = Queue::new(1);
    assert!(timeout(MOMENT, || queue.get()).is_err());
    queue.put(1).unwrap();
    assert!(timeout(MOMENT, || queue.put(2)).is_err());
    assert_eq!((queue.len(), queue.unfinished()), (1, 1));
}

#[test]
fn iteration_ends_when_the_queue_is_shut_down_and_empty() {
    let queue = Queue::new(2);
    let got: Vec<u32> = thread::scope(|scope| {
        let getter = scope.spawn(|| {
            let mut got = Vec::new();
            for item in &queue {
                got.push(item);
            }
            got
        });
        for n in 0..100 {
            queue.put(n).unwrap();
        }
        queue.shutdown(QueueShutdown::Drain);
        getter.join().unwrap()
    });
    assert!(got.into_iter().eq(0..100));
    assert_eq!(queue.iter().next(), None);
    assert_eq!(queue.put(1), Err(Closed(1)));
}

#[test]
fn a_wait_is_listed_with_what_it_is_for() {
    let queue = Queue::named("orders", 1);
    let is_listed = |text: &str| manyhands_wait::dump().to_string().contains(text);
    queue.put(1).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| queue.join());
        scope.spawn(|| queue.put(2));
        wait_until(|| is_listed("for room in queue 'orders'"));
        wait_until(|| is_listed("for the end of all work on queue 'orders'"));
        assert_eq!((queue.get(), queue.get()), (Ok(1), Ok(2)));
        scope.spawn(|| queue.get());
        wait_until(|| is_listed("for an item of queue 'orders'"));
        queue.shutdown(QueueShutdown::Drain);
        (0..2).for_each(|_| queue.task_done().unwrap());
    });
}
