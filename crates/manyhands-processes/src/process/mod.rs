//! `Process`: one function in a process of its own.
