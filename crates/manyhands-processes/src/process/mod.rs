//! `Process`: one function in a process of its own.

pub(crate) mod child;
