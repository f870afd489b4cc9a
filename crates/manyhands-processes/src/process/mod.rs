//! `Process`: one function in a process of its own.
//!
//! [`builder`] starts it, [`handle`] is what the program holds, [`child`] is the other side.
//! [`monitor`] is the one thread that sees to all of them: it takes in what they send, reaps them,
//! and ends their tasks. [`registry`] lists those that are alive, [`exit`] is about the end of the
//! program.

mod builder;
pub(crate) mod child;
mod exit;
mod handle;
mod monitor;
mod registry;
mod single;

pub use builder::ProcessBuilder;
pub use handle::Process;
pub use registry::{ActiveChild, active_children};
