//! Queues of all three orders; where CPython's `test_queue` pins a behaviour down, the test has the
//! number of that item in the acceptance table.

mod fairness;
mod items;
mod shutdown;
mod shutdown_under_load;
mod tasks;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Polls once, without anybody to wake: enough to make a future wait in its queue.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Gives the core away until `reached` says so.
fn wait_until(mut reached: impl FnMut() -> bool) {
    while !reached() {
        std::thread::yield_now();
    }
}
