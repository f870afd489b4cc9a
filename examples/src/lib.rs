//! What the example programs have in common, so that each can be about one thing: the option
//! `--scale`, a small site to fetch from, the parts of an echo server, and what the operating system
//! grants and lists.
//!
//! The programs themselves are in `seeds/` (a Python tutorial on concurrency, program by program)
//! and `promises/` (what manyhands promises, one by one); `README.md` lists them.

#![forbid(unsafe_code)]

mod echo;
mod limits;
mod options;
mod processes;
mod scheduler_times;
mod server;
mod site;
mod spelling;

pub use echo::{EchoClient, answer_in_upper_case};
pub use limits::{Memory, allow_many_files, cpu_time};
pub use options::Options;
pub use processes::ListedProcess;
pub use scheduler_times::SchedulerTimes;
pub use server::serve;
pub use site::{FRONT_PAGES, Site};
pub use spelling::truth;
