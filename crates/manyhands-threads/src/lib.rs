//! Threads: [`Thread`], one by one, and [`ThreadPool`], the executor `threads[:N]`.
//!
//! A thread is joined when the process ends, unless it is a daemon; so is the work of a pool.
//! [`exit`](mod@exit) has the rules.
#![forbid(unsafe_code)]

pub mod exit;
mod pool;
mod registry;
mod thread;

pub use pool::{BuildError, Statistics, ThreadPool, ThreadPoolBuilder, blocking, default_workers};
pub use registry::{CurrentThread, active_count, enumerate};
pub use thread::{Thread, ThreadBuilder};
