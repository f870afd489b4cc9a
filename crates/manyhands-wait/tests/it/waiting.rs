//! The wait loop: what it polls, when it parks, what ends it.

use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, TimedOut, Wait, sleep, wait, wait_deadline, wait_for, wait_timeout};

use crate::patience::LONG;

static TEST: Reason = Reason::new("a test");

#[test]
fn a_ready_future_is_polled_once() {
    let mut polls = 0;
    let value = wait(poll_fn(|_| {
        polls += 1;
        Poll::Ready(7)
    }));
    assert_eq!((value, polls), (7, 1));
}

#[test]
fn a_wake_up_from_another_thread_ends_the_wait() {
    for round in 0..200 {
        let (sender, receiver) = oneshot();
        let other = std::thread::spawn(move || sender.send(round));
        assert_eq!(wait(receiver), round);
        other.join().unwrap();
    }
}

#[test]
fn a_wake_up_during_the_poll_is_not_lost() {
    let mut polls = 0;
    wait(poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 100 { Poll::Ready(()) } else { Poll::Pending }
    }));
    assert_eq!(polls, 100);
}

#[test]
fn a_wake_up_before_the_park_is_not_lost() {
    // The waker is handed out by the first poll and used before that poll returns.
    let barrier = Arc::new(Barrier::new(2));
    let slot: Arc<Mutex<Option<Waker>>> = Arc::default();
    let other = std::thread::spawn({
        let (barrier, slot) = (Arc::clone(&barrier), Arc::clone(&slot));
        move || {
            barrier.wait();
            slot.lock().unwrap().take().unwrap().wake();
            barrier.wait();
        }
    });
    let mut first = true;
    wait(poll_fn(|cx| {
        if !std::mem::take(&mut first) {
            return Poll::Ready(());
        }
        *slot.lock().unwrap() = Some(cx.waker().clone());
        barrier.wait();
        barrier.wait();
        Poll::Pending
    }));
    other.join().unwrap();
}

#[test]
fn a_limit_ends_the_wait_and_drops_the_future() {
    struct Dropped<'a>(&'a AtomicUsize);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let drops = AtomicUsize::new(0);
    let started = Instant::now();
    let dropped = Dropped(&drops);
    let future = async move {
        let _dropped = dropped;
        pending::<()>().await;
    };
    assert_eq!(wait_timeout(future, Duration::from_millis(20)), Err(TimedOut));
    assert!(started.elapsed() >= Duration::from_millis(20));
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_limit_of_zero_still_polls() {
    assert_eq!(wait_timeout(ready(1), Duration::ZERO), Ok(1));
    assert_eq!(wait_timeout(pending::<()>(), Duration::ZERO), Err(TimedOut));
    assert_eq!(wait_deadline(ready(1), Instant::now()), Ok(1));
}

#[test]
fn a_limit_beyond_the_clock_is_no_limit() {
    let (sender, receiver) = oneshot();
    let other = std::thread::spawn(move || sender.send("there"));
    assert_eq!(wait_timeout(receiver, Duration::MAX), Ok("there"));
    other.join().unwrap();
}

#[test]
fn a_value_in_time_counts_whatever_the_limit() {
    let (sender, receiver) = oneshot();
    let other = std::thread::spawn(move || sender.send(5));
    assert_eq!(wait_for(&TEST, Some(Instant::now() + LONG), receiver), Ok(5));
    other.join().unwrap();
}

#[test]
fn sleep_lasts_at_least_as_long_as_asked() {
    for millis in [0, 1, 30] {
        let length = Duration::from_millis(millis);
        let started = Instant::now();
        sleep(length);
        assert!(started.elapsed() >= length);
    }
}

#[test]
fn a_panic_of_the_future_goes_through_and_the_next_wait_works() {
    let caught = std::panic::catch_unwind(|| wait(async { std::panic::panic_any(3_u8) }));
    assert_eq!(*caught.unwrap_err().downcast::<u8>().unwrap(), 3);
    assert_eq!(wait(ready(1)), 1);
}

#[test]
fn a_wait_inside_a_poll_does_not_eat_the_outer_wake_up() {
    // While the outer future is polled it waits for something else on the same parker; meanwhile
    // the outer one is woken. The inner wait takes that token, and must give it back.
    for _ in 0..200 {
        let (outer_sender, outer) = oneshot();
        let (inner_sender, inner) = oneshot();
        let other = std::thread::spawn(move || {
            outer_sender.send(());
            inner_sender.send(());
        });
        let mut outer = pin!(outer);
        let mut inner = Some(inner);
        let arrived = wait_timeout(
            poll_fn(|cx| {
                let poll = outer.as_mut().poll(cx);
                if poll.is_pending()
                    && let Some(inner) = inner.take()
                {
                    wait(inner);
                }
                poll
            }),
            LONG,
        );
        assert_eq!(arrived, Ok(()));
        other.join().unwrap();
    }
}

#[test]
fn the_reason_and_the_end_are_part_of_a_wait() {
    let wait = Wait::new(&TEST).until(Some(Instant::now())).on_task(3);
    assert_eq!(wait.run(pending::<()>()), Err(TimedOut));
    assert_eq!(wait.run(ready(())), Ok(()));
    assert_eq!(TEST.text(), "a test");
}

#[test]
fn many_threads_pass_a_token_around() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 300;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mailbox()).unzip();
    let senders = Arc::new(senders);
    std::thread::scope(|scope| {
        for (me, receiver) in receivers.into_iter().enumerate() {
            let senders = Arc::clone(&senders);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let token = wait_timeout(receiver.next(), LONG).unwrap();
                    senders[(me + 1) % THREADS].put(token + 1);
                }
            });
        }
        senders[0].put(0);
    });
}

/// A value that arrives once.
struct OneShot<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

struct Sender<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

fn oneshot<T>() -> (Sender<T>, OneShot<T>) {
    let shared = Arc::new(Mutex::new((None, None)));
    (Sender(Arc::clone(&shared)), OneShot(shared))
}

impl<T> Sender<T> {
    fn send(self, value: T) {
        let waker = {
            let mut shared = self.0.lock().unwrap();
            shared.0 = Some(value);
            shared.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Future for OneShot<T> {
    type Output = T;

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<T> {
        let mut shared = self.0.lock().unwrap();
        if let Some(value) = shared.0.take() {
            return Poll::Ready(value);
        }
        shared.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A place for one number at a time.
#[derive(Clone)]
struct Mailbox(Arc<Mutex<(Option<usize>, Option<Waker>)>>);

fn mailbox() -> (Mailbox, Mailbox) {
    let mailbox = Mailbox(Arc::default());
    (mailbox.clone(), mailbox)
}

impl Mailbox {
    fn put(&self, number: usize) {
        let waker = {
            let mut shared = self.0.lock().unwrap();
            shared.0 = Some(number);
            shared.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn next(&self) -> OneShot<usize> {
        OneShot(Arc::clone(&self.0))
    }
}
