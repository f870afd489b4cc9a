//! The primitives from outside, each between threads and futures polled by hand.

mod barrier;
mod channel;
mod condvar;
mod doubtful_tasks;
mod dumps;
mod event;
mod guards;
mod guests;
mod hostile;
mod joined_tasks;
mod leaked_guard;
mod mutex;
mod order;
#[path = "../../../manyhands-wait/tests/it/own_process.rs"]
mod own_process;
#[path = "../../../manyhands-wait/tests/it/patience.rs"]
mod patience;
mod polling;
mod queue;
mod reentrant;
mod rwlock;
mod semaphore;
mod semaphore_deadlocks;
