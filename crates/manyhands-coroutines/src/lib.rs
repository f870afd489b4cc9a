//! Coroutines: functions with stacks of their own, many of them on one thread.

mod block;
mod bounded;
mod coroutine;
mod current;
mod forbid;
mod hub;
mod idle;
mod join;
mod locals;
pub mod net;
mod overflow;
mod pool;
mod primitive;
pub mod server;
#[doc = include_str!("../docs/soundness.md")]
pub mod soundness {}
mod spawn;
pub mod stack;
pub mod watchdog;

pub use block::block;
pub use bounded::{Imap, ImapUnordered, Pool};
pub use coroutine::{Coroutine, CoroutineBuilder, Suspender, SwitchError, Switched};
pub use current::{Current, current};
pub use forbid::forbid_suspend;
pub use idle::idle;
pub use join::{iwait, join_all};
pub use locals::{AccessError, InheritedKey, LocalKey};
pub use pool::{BuildError, CoroutinePool, CoroutinePoolBuilder, Statistics};
pub use spawn::{spawn_later, spawn_local, spawn_named, spawn_with, yield_now};

pub use manyhands_wait::{sleep, timeout};

#[cfg(test)]
#[path = "../tests/it/child.rs"]
mod child;
