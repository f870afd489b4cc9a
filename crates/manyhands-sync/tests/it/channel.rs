//! Channels: a put and a get meet.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use manyhands_sync::QueueShutdown::{Drain, Immediate};
use manyhands_sync::{Channel, Closed, GetError, PutError};
use manyhands_wait::{CancelToken, with_cancel_token};

const LONG: Duration = Duration::from_secs(600);

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Gives the core away until the channel says so of itself.
fn wait_until_shows(channel: &Channel<u32>, text: &str) {
    while !format!("{channel:?}").contains(text) {
        thread::yield_now();
    }
}

#[test]
fn without_anybody_there_a_try_fails() {
    let channel = Channel::new();
    assert_eq!(channel.try_put(1), Err(PutError::Full(1)));
    assert_eq!(channel.try_get(), Err(GetError::Empty));
    assert_eq!(channel.put_timeout(1, Duration::from_millis(2)), Err(PutError::Full(1)));
    assert_eq!(channel.get_timeout(Duration::from_millis(2)), Err(GetError::Empty));
}

#[test]
fn a_put_waits_until_somebody_gets_it() {
    let channel = Channel::new();
    let mut put = pin!(channel.put_async(7));
    assert!(poll_once(put.as_mut()).is_pending());
    assert!(poll_once(put.as_mut()).is_pending());
    assert_eq!(channel.try_get(), Ok(7));
    assert_eq!(poll_once(put), Poll::Ready(Ok(())));
}

#[test]
fn a_put_that_somebody_waits_for_returns_at_once() {
    let channel = Channel::new();
    let mut get = pin!(channel.get_async());
    assert!(poll_once(get.as_mut()).is_pending());
    assert_eq!(channel.try_put(7), Ok(()));
    assert_eq!(channel.try_put(8), Err(PutError::Full(8)), "it waits for one only");
    assert_eq!(poll_once(get), Poll::Ready(Ok(7)));
}

#[test]
fn values_come_in_the_order_in_which_they_were_put() {
    let channel = Channel::new();
    let mut puts: Vec<_> = (0..4).map(|n| Box::pin(channel.put_async(n))).collect();
    puts.iter_mut().for_each(|put| assert!(poll_once(put.as_mut()).is_pending()));
    // One in the middle is given up, and takes its value along.
    drop(puts.remove(1));
    let got: Vec<_> = std::iter::from_fn(|| channel.try_get().ok()).collect();
    assert_eq!(got, [0, 2, 3]);
    puts.iter_mut().for_each(|put| assert_eq!(poll_once(put.as_mut()), Poll::Ready(Ok(()))));
}

#[test]
fn a_value_whose_getter_is_gone_waits_for_the_next() {
    let channel = Channel::new();
    let mut get = Box::pin(channel.get_async());
    assert!(poll_once(get.as_mut()).is_pending());
    channel.try_put(7).unwrap();
    drop(get);
    let mut put = pin!(channel.put_async(8));
    assert!(poll_once(put.as_mut()).is_pending());
    assert_eq!((channel.try_get(), channel.try_get()), (Ok(7), Ok(8)));
    assert_eq!(poll_once(put), Poll::Ready(Ok(())));
}

#[test]
fn a_value_whose_getter_is_gone_goes_to_one_that_waits() {
    let channel = Channel::new();
    let mut first = Box::pin(channel.get_async());
    let mut second = pin!(channel.get_async());
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    channel.try_put(7).unwrap();
    drop(first);
    assert_eq!(poll_once(second), Poll::Ready(Ok(7)));
}

#[test]
fn nobody_is_quicker_than_a_waiting_getter_more_than_twice() {
    let channel = Channel::new();
    let mut get = pin!(channel.get_async());
    for n in 0..2 {
        assert!(poll_once(get.as_mut()).is_pending());
        channel.try_put(n).unwrap();
        assert_eq!(channel.try_get(), Ok(n));
    }
    assert!(poll_once(get.as_mut()).is_pending());
    channel.try_put(2).unwrap();
    assert_eq!(channel.try_get(), Err(GetError::Empty), "it is kept");
    assert_eq!(poll_once(get), Poll::Ready(Ok(2)));
}

/// A value that a putter waits with is on offer, and yet a getter waits, because that value is kept
/// for another: the next put is promised to it, behind the one that waits.
#[test]
fn a_value_may_be_promised_behind_one_whose_putter_waits() {
    for how in [None, Some(Drain), Some(Immediate)] {
        let channel = Channel::new();
        let mut first = pin!(channel.get_async());
        for n in 0..2 {
            assert!(poll_once(first.as_mut()).is_pending());
            channel.try_put(n).unwrap();
            assert_eq!(channel.try_get(), Ok(n));
        }
        assert!(poll_once(first.as_mut()).is_pending());
        channel.try_put(2).unwrap();
        let mut putter = pin!(channel.put_async(3));
        assert!(poll_once(putter.as_mut()).is_pending());
        assert_eq!(channel.try_get(), Ok(2), "one of the two is kept, no matter which");
        let mut second = pin!(channel.get_async());
        assert!(poll_once(second.as_mut()).is_pending());
        channel.try_put(4).unwrap();
        match how {
            None => {
                assert_eq!(poll_once(first), Poll::Ready(Ok(3)));
                assert_eq!(poll_once(putter), Poll::Ready(Ok(())));
                assert_eq!(poll_once(second), Poll::Ready(Ok(4)));
            }
            Some(how) => {
                channel.shutdown(how);
                assert_eq!(poll_once(putter), Poll::Ready(Err(Closed(3))));
                let left = if how == Drain { Ok(4) } else { Err(Closed(())) };
                assert_eq!(poll_once(first), Poll::Ready(left));
                assert_eq!(poll_once(second), Poll::Ready(Err(Closed(()))));
            }
        }
    }
}

#[test]
fn every_value_is_got_once_by_many_threads() {
    let channel = Channel::new();
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        let putters: Vec<_> = (0..3)
            .map(|putter| {
                let channel = &channel;
                scope.spawn(move || {
                    (0..2_000).for_each(|n| channel.put(putter * 2_000 + n).unwrap());
                })
            })
            .collect();
        for _ in 0..3 {
            scope.spawn(|| sum.fetch_add(channel.iter().sum::<usize>(), Relaxed));
        }
        putters.into_iter().for_each(|putter| putter.join().unwrap());
        channel.shutdown(Drain);
    });
    assert_eq!(sum.into_inner(), (0..6_000).sum());
}

#[test]
fn a_value_is_handed_over_or_comes_back_when_time_is_short() {
    let channel = Channel::new();
    for n in 0..500u64 {
        let short = |extra: u64| Duration::from_micros((n + extra) % 60);
        let (put, got) = thread::scope(|scope| {
            let putter = scope.spawn(|| channel.put_timeout(n, short(0)));
            let got = channel.get_timeout(short(17));
            (putter.join().unwrap(), got)
        });
        match (put, got) {
            (Ok(()), Ok(value)) => assert_eq!(value, n),
            // The getter has left just then: the value waits for the next one.
            (Ok(()), Err(GetError::Empty)) => assert_eq!(channel.try_get(), Ok(n)),
            (Err(PutError::Full(back)), Err(GetError::Empty)) => assert_eq!(back, n),
            other => panic!("{other:?}"),
        }
        assert_eq!(channel.try_get(), Err(GetError::Empty));
    }
}

#[test]
fn a_shutdown_wakes_everybody_and_values_come_back() {
    for how in [Drain, Immediate] {
        let channel = Channel::new();
        thread::scope(|scope| {
            let putter = scope.spawn(|| channel.put(1));
            wait_until_shows(&channel, "waiting_putters: 1");
            channel.shutdown(how);
            assert_eq!(putter.join().unwrap(), Err(Closed(1)));
        });
        let channel = Channel::<u32>::new();
        thread::scope(|scope| {
            let getter = scope.spawn(|| channel.get());
            let limited = scope.spawn(|| channel.get_timeout(LONG));
            wait_until_shows(&channel, "waiting_getters: 2");
            channel.shutdown(how);
            assert_eq!(getter.join().unwrap(), Err(Closed(())));
            assert_eq!(limited.join().unwrap(), Err(GetError::Closed));
        });
        assert!(channel.is_shut_down());
        assert_eq!(channel.put(1), Err(Closed(1)));
        assert_eq!(channel.try_put(1), Err(PutError::Closed(1)));
        assert_eq!(channel.try_get(), Err(GetError::Closed));
        assert_eq!(channel.iter().next(), None);
    }
}

/// The value of a putter that has gone on already is drained, or discarded.
#[test]
fn a_value_on_its_way_survives_a_drain_alone() {
    for how in [Drain, Immediate] {
        let channel = Channel::new();
        let mut get = pin!(channel.get_async());
        let mut late = pin!(channel.put_async(8));
        assert!(poll_once(get.as_mut()).is_pending());
        channel.try_put(7).unwrap();
        assert!(poll_once(late.as_mut()).is_pending());
        channel.shutdown(how);
        assert_eq!(poll_once(late), Poll::Ready(Err(Closed(8))));
        let got = poll_once(get);
        assert_eq!(got, Poll::Ready(if how == Drain { Ok(7) } else { Err(Closed(())) }));
    }
}

#[test]
fn a_cancelled_put_takes_its_value_along() {
    let channel = Channel::new();
    let token = CancelToken::new();
    thread::scope(|scope| {
        let putter = scope.spawn(|| with_cancel_token(&token, || channel.put(1)));
        wait_until_shows(&channel, "waiting_putters: 1");
        token.cancel();
        assert!(putter.join().unwrap().is_err(), "it was cancelled");
    });
    assert_eq!(channel.try_get(), Err(GetError::Empty));
}

#[test]
fn a_channel_can_be_a_static_and_have_a_name() {
    static NUMBERS: Channel<u32> = Channel::new();
    assert_eq!(NUMBERS.try_get(), Err(GetError::Empty));
    let named = Channel::<u32>::named("cups");
    assert!(named.name() == Some("cups") && format!("{named:?}").contains("cups"));
}
