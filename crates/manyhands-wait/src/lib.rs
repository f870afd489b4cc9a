//! The floor of manyhands: who waits, for what, until when, and how to be woken.
//!
//! Every blocking operation of manyhands is written once, as a future, and waited for from wherever
//! the caller stands. [`wait`] is the one loop that does it: poll, and while the future is pending,
//! publish the wait, look whether it can end at all, and park. How to park is the business of a
//! [`Parker`]: a thread has one built in, a scheduler of coroutines puts its own in force.
//!
//! Around every wait there may be [layers](Layer): a deadline ([`timeout`]), a [`CancelToken`], a
//! task. A wait in a layer that is to end unwinds out of it, once, with destructors run.
//!
//! A wait may say what it is for ([`Wait::on`]), which then is an edge of the wait-for graph: a
//! [`Resource`] names the [`Agent`]s that would have to go on. If these wait for each other, that is
//! proven, and one of them gets a [`Deadlock`] as its error. [`dump`] lists every context and what it
//! waits for.
//!
//! The protocols (states, invariants, rejected designs) are in this crate's `README.md`.

mod agent;
mod ambient;
mod clock;
mod context;
mod deadlock;
mod departed;
mod dump;
mod exit;
mod fixed;
mod holder_ended;
mod identity;
mod interrupt;
mod layer;
mod parker;
mod place;
mod primitive;
mod proxy;
mod publication;
mod quiet;
mod reason;
mod relief;
mod report;
mod resource;
mod scheduled;
mod serial;
mod sigquit;
mod slot;
mod spin;
mod suspicion;
mod table;
mod timed_out;
mod timeout;
mod token;
mod tracked;
mod wait;
mod walk;

pub use agent::Agent;
pub use ambient::Ambient;
pub use context::{Context, ContextKind};
pub use deadlock::{Deadlock, Holder, Participant, WaitError};
pub use dump::{ContextDump, Dump, WaitDump, dump};
pub use exit::ExitHook;
pub use holder_ended::HolderEnded;
pub use interrupt::{Cause, Interrupt};
pub use layer::{
    CancelSource, Layer, LayerTask, TaskLabel, WakeOnCancel, check_cancelled, current_deadline,
    current_task, is_cancelled, is_interruptible, is_unwinding_interrupt, wake_on_cancel,
};
pub use parker::{
    GiveWay, Leave, Parker, ThreadParker, give_way, has_own_parker, has_scoped_parker,
    install_parker, with_parker,
};
pub use place::Place;
pub use proxy::ProxyAgent;
pub use quiet::{Quiet, QuietWatch, report_when_quiet, while_idle};
pub use reason::Reason;
pub use relief::{Relief, Stuck};
pub use report::{
    Report, ReportListener, is_deadlock_detection_on, on_report, set_deadlock_detection,
};
pub use resource::{Blockers, Resource};
pub use scheduled::ScheduledContext;
pub use serial::SerialExecutor;
pub use sigquit::dump_on_sigquit;
pub use spin::Spin;
pub use suspicion::Suspicion;
pub use timed_out::TimedOut;
pub use timeout::timeout;
pub use token::{CancelToken, Cancelled, WaitForCancellation, with_cancel_token};
pub use tracked::{Leaf, Nobody, Tracked, tracked, tracked_for};
pub use wait::{StandAside, Wait, sleep, wait, wait_deadline, wait_for, wait_timeout};
