//! The wait-for graph: deadlocks that are found, and waits that are not called deadlocks.

pub(crate) mod baton;
mod cycles;
mod doubt;
mod knots;
mod reports;
mod several;
mod sigquit;
mod stress;
mod tasks;
mod turns;
