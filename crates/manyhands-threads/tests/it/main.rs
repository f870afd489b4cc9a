//! Threads and thread pools from outside. `README.md` beside this file says where each behaviour of
//! the acceptance table is tested.

mod bounded_queue;
mod deadlocks;
mod growth;
mod isolation;
mod lifecycle;
mod order;
#[path = "../../../manyhands-wait/tests/it/patience.rs"]
mod patience;
mod priorities;
mod shutdown_and_init;
mod starvation;
mod stress;
mod submit_and_map;
mod threads;
