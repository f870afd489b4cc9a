//! The floor of manyhands: who waits, for what, until when, and how to be woken.
//!
//! Every blocking operation of manyhands is written once, as a future, and waited for from wherever
//! the caller stands. [`wait`] is the one loop that does it: poll, and while the future is pending,
//! publish the wait, and park. How to park is the business of a [`Parker`]: a thread has one built
//! in, a scheduler of coroutines puts its own in force.
//!
//! Around every wait there may be [layers](Layer): a deadline ([`timeout`]), a [`CancelToken`], a
//! task. A wait in a layer that is to end unwinds out of it, once, with destructors run.
//!
//! [`dump`] lists every context and what it waits for. The wait-for graph, which will prove that a
//! wait can never end, is not built yet; its place is marked in the wait loop.
//!
//! The protocols (states, invariants, rejected designs) are in this crate's `README.md`.

mod ambient;
mod context;
mod dump;
mod interrupt;
mod layer;
mod parker;
mod primitive;
mod reason;
mod scheduled;
mod spin;
mod timed_out;
mod timeout;
mod token;
mod wait;

pub use ambient::Ambient;
pub use context::{Context, ContextKind};
pub use dump::{ContextDump, Dump, WaitDump, dump};
pub use interrupt::{Cause, Interrupt};
pub use layer::{
    CancelSource, Layer, TaskLabel, WakeOnCancel, check_cancelled, current_deadline, current_task,
    is_cancelled, is_interruptible, wake_on_cancel,
};
pub use parker::{
    Parker, ThreadParker, has_own_parker, has_scoped_parker, install_parker, with_parker,
};
pub use reason::Reason;
pub use scheduled::ScheduledContext;
pub use spin::Spin;
pub use timed_out::TimedOut;
pub use timeout::timeout;
pub use token::{CancelToken, Cancelled, WaitForCancellation, with_cancel_token};
pub use wait::{Wait, sleep, wait, wait_deadline, wait_for, wait_timeout};
