//! `ProcessPool`: the executor whose workers are processes.

pub(crate) mod worker;
