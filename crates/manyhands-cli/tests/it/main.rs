//! Real runs of the command against real servers and real signals.

mod command;
mod compare;
mod crash;
mod fetch;
mod files;
mod generated;
mod lists;
mod paths;
mod report;
mod serve;
mod server;
mod signals;
mod trouble;
