//! The async pool from outside: its bound, its runtime, what it polls and what it runs on blocking
//! threads.

mod auto_traits;
mod deadlocks;
mod futures;
mod limit;
#[path = "../../../manyhands-wait/tests/it/patience.rs"]
mod patience;
mod runtimes;
