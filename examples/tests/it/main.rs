//! Every example run as the process that a user would start, and its output held against what the
//! example promises to show.

mod coroutines;
mod executors;
mod gallery;
mod http;
mod listing;
mod locks;
mod models;
mod processes;
mod program;
mod promises;
mod servers;
mod threads;
