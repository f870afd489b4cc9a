//! The tests of the crate as its users see it.

mod builds;
mod command;
mod descendants;
mod manager;
mod manager_attachments;
mod memory;
mod patience;
mod pool;
mod process;
mod queue;
mod shortage;
mod start;
