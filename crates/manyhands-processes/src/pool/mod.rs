//! `ProcessPool`: the executor whose workers are processes.
