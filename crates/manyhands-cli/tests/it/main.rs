//! Real runs of the command against real servers and real signals.

mod command;
mod compare;
mod generated;
mod lists;
mod report;
mod serve;
mod server;
mod signals;
mod trouble;
