//! The floor from outside: waits, parkers, deadlines, cancellation, what a dump shows.

mod auto_traits;
mod cancelling;
mod contexts;
mod graph;
mod own_process;
mod parkers;
mod patience;
mod quiet;
mod timeouts;
mod unwinding;
mod waiting;
