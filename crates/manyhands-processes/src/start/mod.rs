//! Starting a process of this binary and taking it over before `main`.
//!
//! The protocol, its invariants and what was rejected are in `README.md` beside this file.

mod arrival;
mod environment;
mod error;
mod executable;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handshake;
mod launch;
mod oom;
mod origin;
mod overflow;
mod parent_watch;
mod pidfd;
mod readiness;
pub(crate) mod reaper;
mod role;
mod signals;
mod starting;
mod takeover;
mod ticket;

pub(crate) use environment::Environment;
pub(crate) use launch::{Launch, Stderr, launch};
pub(crate) use origin::{Origin, origin_service};
pub(crate) use parent_watch::wait_for_end_of;
pub(crate) use pidfd::{Ended, PidFd};
pub(crate) use role::Role;
pub(crate) use starting::{Started, Starting};
pub(crate) use takeover::is_taken_over_before_main;

pub use error::{StartError, StartErrorKind};
pub use executable::set_executable;
pub use origin::in_worker;
pub use takeover::init;
