//! `ProcessPool`: the executor whose workers are processes.

#![allow(dead_code, unused_imports)]
mod channel;
pub(crate) mod worker;
