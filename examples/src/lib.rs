//! What the example programs have in common, so that each can be about one thing: the option
//! `--scale`, and a small site to fetch from.
//!
//! The programs themselves are in `seeds/` (a Python tutorial on concurrency, program by program)
//! and `promises/` (what manyhands promises, one by one); `README.md` lists them.

#![forbid(unsafe_code)]

mod options;
mod server;
mod site;
mod spelling;

pub use options::Options;
pub use server::serve;
pub use site::{FRONT_PAGES, Site};
pub use spelling::truth;
