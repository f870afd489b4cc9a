//! Pools of processes as their users see them.

mod basics;
