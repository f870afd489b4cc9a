//! Coroutines: functions with stacks of their own, many of them on one thread.

mod coroutine;
mod hub;
mod locals;
pub mod net;
mod overflow;
mod pool;
mod primitive;
pub mod server;
mod spawn;
pub mod stack;

pub use pool::{BuildError, CoroutinePool, CoroutinePoolBuilder, Statistics};
pub use coroutine::{Coroutine, CoroutineBuilder, Suspender, SwitchError, Switched};
pub use spawn::{spawn_later, spawn_local, spawn_named, spawn_with, yield_now};

pub use manyhands_wait::sleep;

#[cfg(test)]
#[path = "../tests/it/child.rs"]
mod child;
