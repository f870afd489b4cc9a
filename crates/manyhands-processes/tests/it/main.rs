//! The tests of the crate as its users see it.

mod adversaries;
mod builds;
mod command;
mod damage;
mod descendants;
mod manager;
mod manager_attachments;
mod manager_deadlocks;
mod memory;
#[expect(dead_code, reason = "the gate is for tests of other crates")]
#[path = "../../../manyhands-wait/tests/it/patience.rs"]
mod patience;
mod pool;
mod process;
mod queue;
mod shortage;
mod start;
