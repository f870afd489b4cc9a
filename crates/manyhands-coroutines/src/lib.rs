//! Coroutines: functions with stacks of their own, many of them on one thread.

pub mod net;
mod overflow;
pub mod server;
pub mod stack;

#[cfg(test)]
#[path = "../tests/it/child.rs"]
mod child;
