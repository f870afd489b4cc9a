//! Waiting for I/O from every place there is.

mod ambient;
mod driven;
mod ends;
mod own_process;
mod per_runtime;
mod thread;
mod watched;
