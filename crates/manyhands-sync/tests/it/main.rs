//! The primitives from outside, each between threads and futures polled by hand.

mod barrier;
mod channel;
mod condvar;
mod event;
mod mutex;
mod patience;
mod polling;
mod queue;
mod reentrant;
mod rwlock;
mod semaphore;

/// Returns when `condition` holds; nextest ends a test for which it never does.
fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}
