//! Foreign code that is called while a primitive is at work: wakers, comparisons and destructors that panic,
//! or use the same primitive.

use std::cell::Cell;
use std::cmp::Ordering;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};

use manyhands_sync::{
    Barrier, Channel, Condvar, Event, Mutex, PriorityQueue, Queue, QueueShutdown, RwLock, Semaphore,
};
use manyhands_wait::wait;

use crate::polling::ByHand;

/// An item whose comparison panics, and whose destructor uses the queue that it was for.
struct Hostile<'a> {
    number: u32,
    queue: &'a PriorityQueue<Hostile<'a>>,
    panics: bool,
    len_when_dropped: Option<&'a Cell<usize>>,
}

impl PartialEq for Hostile<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Hostile<'_> {}

impl PartialOrd for Hostile<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hostile<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(!self.panics && !other.panics, "cannot be compared");
        self.number.cmp(&other.number)
    }
}

impl Drop for Hostile<'_> {
    fn drop(&mut self) {
        if let Some(len) = self.len_when_dropped {
            len.set(self.queue.len());
        }
    }
}

/// In each way in which it can be put: at once, waiting, in async code, when it is woken for its room.
#[test]
fn an_item_whose_comparison_panics_is_dropped_when_the_queue_is_free() {
    let queue: &'static PriorityQueue<Hostile<'static>> =
        Box::leak(Box::new(PriorityQueue::new(2)));
    let item = |panics, len_when_dropped| Hostile { number: 1, queue, panics, len_when_dropped };
    let puts: [fn(&'static PriorityQueue<Hostile<'static>>, Hostile<'static>); 4] = [
        |queue, item| assert!(queue.try_put(item).is_ok()),
        |queue, item| assert!(queue.put(item).is_ok()),
        |queue, item| assert!(wait(queue.put_async(item)).is_ok()),
        |queue, item| {
            let other = item_like(&item);
            assert!(queue.try_put(other).is_ok());
            let mut putting = ByHand::pending(queue.put_async(item));
            drop(queue.try_get());
            assert!(putting.poll().is_ready());
        },
    ];
    for put in puts {
        assert!(queue.try_put(item(false, None)).is_ok());
        let len: &'static Cell<usize> = Box::leak(Box::new(Cell::new(0)));
        let result = catch_unwind(AssertUnwindSafe(|| put(queue, item(true, Some(len)))));
        assert!(result.is_err());
        assert_eq!((len.get(), queue.len()), (1, 1), "its destructor has seen the queue");
        drop(queue.try_get());
    }
}

fn item_like<'a>(item: &Hostile<'a>) -> Hostile<'a> {
    Hostile { number: item.number, queue: item.queue, panics: false, len_when_dropped: None }
}

/// A waker that cannot be cloned.
fn waker_whose_clone_panics() -> Waker {
    const TABLE: RawWakerVTable =
        RawWakerVTable::new(|_| panic!("cannot be cloned"), |_| (), |_| (), |_| ());
    // SAFETY: there is no data, and all functions do nothing or panic.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

fn panics_when_it_would_wait(future: impl Future) {
    let waker = waker_whose_clone_panics();
    let mut future = pin!(future);
    let mut poll = || future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
    assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err(), "it was to wait");
}

/// Whatever a wait has begun is taken back if it cannot be queued.
#[test]
fn a_waker_whose_clone_panics_leaves_nothing_behind() {
    let mutex = Mutex::new(0);
    let held = mutex.lock();
    panics_when_it_would_wait(mutex.lock_async());
    drop(held);
    *mutex.lock() += 1;
    assert!(!mutex.is_locked());

    let lock = RwLock::new(0);
    let reading = lock.read();
    panics_when_it_would_wait(lock.write_async());
    assert!(lock.try_read().is_some(), "no writer waits");
    drop(reading);
    *lock.write() += 1;

    let permits = Semaphore::new(2);
    let held = permits.acquire();
    panics_when_it_would_wait(permits.acquire_many_async(2));
    drop(permits.try_acquire().expect("nobody waits"));
    drop(held);
    assert_eq!(permits.available(), 2);

    let barrier = Barrier::new(2);
    panics_when_it_would_wait(barrier.wait_async());
    assert!(barrier.is_broken(), "it had arrived, and has left");

    let channel = Channel::new();
    panics_when_it_would_wait(channel.put_async(1));
    let mut second = ByHand::pending(channel.put_async(2));
    assert_eq!(channel.try_get(), Ok(2), "the first is gone with its putter");
    assert_eq!(second.poll(), std::task::Poll::Ready(Ok(())));
    panics_when_it_would_wait(channel.get_async());
    assert!(channel.try_put(3).is_err(), "nobody waits");

    let queue = Queue::new(1);
    panics_when_it_would_wait(queue.get_async());
    queue.try_put(1).unwrap();
    panics_when_it_would_wait(queue.put_async(2));
    assert_eq!((queue.try_get(), queue.len()), (Ok(1), 0));

    let event = Event::new();
    panics_when_it_would_wait(event.wait_async());
    assert_eq!(event.waiting(), 0);

    let condvar = Condvar::new();
    panics_when_it_would_wait(condvar.wait_async(wait(mutex.lock_async())));
    assert!(!condvar.notify_one() && !mutex.is_locked());
}

/// A waker that uses what it was waiting for.
struct Nosy<F: Fn() + Send + Sync>(F);

impl<F: Fn() + Send + Sync> Wake for Nosy<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Polls a future once, with a waker that calls this.
fn begin<T>(future: impl Future<Output = T> + 'static, nosy: impl Fn() + Send + Sync + 'static) {
    let mut future = Box::pin(future);
    let waker = Waker::from(Arc::new(Nosy(nosy)));
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    // It stays where it is, granted and not polled.
    Box::leak(Box::new(future));
}

#[test]
fn wakers_may_use_what_they_were_waiting_for() {
    let mutex: &'static Mutex<u32> = Box::leak(Box::default());
    let held = mutex.lock();
    // It is free, unless it was held for so long that the future was handed it.
    begin(mutex.lock_async(), || mutex.try_lock().into_iter().for_each(|mut it| *it += 1));
    drop(held);
    assert_eq!(mutex.try_lock().is_some(), mutex.statistics().handed_over == 0);

    let queue: &'static Queue<u32> = Box::leak(Box::new(Queue::new(1)));
    begin(queue.get_async(), || assert_eq!(queue.try_get(), Ok(1)));
    queue.put(1).unwrap();
    assert!(queue.is_empty());

    let channel: &'static Channel<u32> = Box::leak(Box::default());
    begin(channel.get_async(), || assert_eq!(channel.try_get(), Ok(1)));
    channel.put(1).unwrap();

    let permits: &'static Semaphore = Box::leak(Box::new(Semaphore::unbounded(0)));
    begin(permits.acquire_async(), || drop(permits.try_acquire()));
    permits.release(2).unwrap();
    assert_eq!(permits.available(), 1, "one was granted");

    let event: &'static Event = Box::leak(Box::default());
    begin(event.wait_async(), || event.clear());
    event.set();
    assert!(!event.is_set());

    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(2)));
    begin(barrier.wait_async(), || barrier.abort());
    assert!(barrier.wait().is_ok());
    assert!(barrier.is_broken());
}

/// Discarded by a shut-down, or gone with the queue: destructors that put more, or panic.
#[test]
fn destructors_of_items_may_use_their_queue() {
    struct Refill(&'static Queue<Refill>, bool);
    impl Drop for Refill {
        fn drop(&mut self) {
            assert!(self.0.is_shut_down());
            assert!(!self.1, "a destructor that panics");
        }
    }
    let queue: &'static Queue<Refill> = Box::leak(Box::new(Queue::unbounded()));
    for panics in [false, true, false] {
        assert!(queue.put(Refill(queue, panics)).is_ok());
    }
    let shut = catch_unwind(AssertUnwindSafe(|| queue.shutdown(QueueShutdown::Immediate)));
    assert!(shut.is_err());
    assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    queue.join();
}

/// More permits than can be counted are as many as can be.
#[test]
fn permits_that_come_back_to_a_full_semaphore_are_not_too_many() {
    let permits = Semaphore::unbounded(1);
    let held = permits.acquire();
    permits.release(usize::MAX).unwrap();
    assert!(permits.release(1).is_err());
    drop(held);
    assert_eq!(permits.available(), usize::MAX);
}
