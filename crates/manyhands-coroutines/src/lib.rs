//! Coroutines: functions with stacks of their own, many of them on one thread.

pub mod net;
pub mod server;
pub mod stack;
