//! The session against real servers on free ports of this machine.

mod basics;
mod broken;
mod many;
mod patience;
mod places;
mod security;
mod server;
