//! The memory that a pool shares with one worker: two rings, a table of tasks, and who sleeps.
//!
//! What is in it, who writes what, and why there is no socket in the way of a task, is in
//! `README.md` of the pool. The parent believes nothing that it reads here: indices and lengths are
//! checked, and contents are copied out before anybody interprets them.

mod alarm;
mod clock;
mod descriptors;
mod frame;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod layout;
mod meter;
mod region;
mod ring;
mod slots;

pub(super) use clock::{NEVER, instant_at, now_ns};
pub(super) use descriptors::{
    Courier, Descriptors, Heard, Unsent, read, send_descriptors, send_word,
};
pub(super) use frame::{PIECE_MAX, REQUEST_WORDS, Request, RequestKind, Response, ResponseKind};
pub(super) use layout::{Channel, SLOTS};
pub(super) use meter::Meter;
pub(super) use ring::{Consumer, Producer, Violation};
pub(super) use slots::{SlotState, Slots};
