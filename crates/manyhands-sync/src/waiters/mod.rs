//! Who waits at a primitive: a short lock over its state, and a queue of waiting futures.
//!
//! A primitive is a [`Monitor`] over its state. Whoever changes the state [enters](Monitor::enter)
//! it, and may grant waiters what they wait for; their wakers are called when the [`Entry`] is
//! dropped, after the lock was released. Whoever has to wait is a [`Waiting`] future that follows a
//! [`Protocol`]. The `README.md` of this folder states the rules.

mod monitor;
mod node;
mod queue;
mod waiting;
mod wakers;

pub(crate) use monitor::{Entry, Monitor};
pub(crate) use waiting::{Attempt, Granted, Protocol, Repeatable, Waiting};
