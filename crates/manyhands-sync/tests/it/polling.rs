//! A future polled by hand, and how often its waker was called.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future and its waker. Dropping it drops the future, as `select!` does with those that come too
/// late.
pub(crate) struct ByHand<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl<'a, T> ByHand<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> ByHand<'a, T> {
        ByHand { future: Box::pin(future), count: Arc::default() }
    }

    /// A future that was polled once, and is pending.
    #[track_caller]
    pub(crate) fn pending(future: impl Future<Output = T> + 'a) -> ByHand<'a, T> {
        let mut new = ByHand::new(future);
        assert!(new.poll().is_pending(), "it was to wait");
        new
    }

    pub(crate) fn poll(&mut self) -> Poll<T> {
        let waker = Waker::from(Arc::clone(&self.count));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// What it ends with; it must be ready, and must have been woken if it was pending.
    #[track_caller]
    pub(crate) fn ready(mut self) -> T {
        match self.poll() {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it still waits"),
        }
    }

    /// How many times its waker was called.
    pub(crate) fn woken(&self) -> usize {
        self.count.0.load(Ordering::SeqCst)
    }
}
