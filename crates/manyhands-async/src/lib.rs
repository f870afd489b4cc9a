//! Async tasks on tokio: [`spawn_async`], and [`AsyncPool`], the executor `async[:N]`.
//!
//! There is one shared multi-thread runtime, made when it is first needed, with a worker per core.
//! Its tasks are not waited for when the process ends.
#![forbid(unsafe_code)]

mod pool;
mod running;
mod runtime;
mod spawn;
mod turns;

pub use pool::{AsyncPool, BuildError, Statistics};
pub use runtime::shared_handle;
pub use spawn::spawn_async;
