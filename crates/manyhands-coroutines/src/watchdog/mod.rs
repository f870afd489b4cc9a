//! The watchdog: tells who does not let the other coroutines of a thread run.
//!
//! Coroutines of one thread run by turns; one that computes for long, or waits in the operating
//! system instead of in this library, holds up all others of its hub. One that does so for longer
//! than 100 ms is reported to standard error:
//!
//! ```text
//! watchdog: coroutine 'crawler' (#17) has held its hub 'coroutines_0' for 125 ms; no other coroutine there can run
//!   it waits in a lock of the operating system: a std Mutex held across a wait?
//!    0: syscall
//!    1: std::sys::sync::mutex::futex::Mutex::lock_contended
//!              at …
//!    2: my_program::fetch
//!              at src/main.rs:42
//! ```
//!
//! and once more when it has ended, with how long it has lasted. [`set_limit`] sets the time or
//! switches the watchdog off, [`on_report`] has reports handed to the program instead. All of it is
//! for the whole process: hubs of [`CoroutinePool`](crate::CoroutinePool)s and of threads that use
//! [`spawn_local`](crate::spawn_local) alike.
//!
//! # What it costs
//!
//! A hub does nothing for it at a switch that it would not do anyway, and an exchange of one word at
//! the begin of a turn, that is of up to some hundred switches. One thread looks at the hubs 40
//! times a second while coroutines run, and sleeps when none had a turn for a second.
//!
//! # Traps
//!
//! - **The thread is interrupted** by SIGURG to say where it is, once for each hold. What the kernel
//!   can restart it restarts; a few calls (`poll`, `epoll_wait`, `nanosleep`, those with a time limit)
//!   return `EINTR` instead. The standard library takes care of that where it hides it; C code in a
//!   coroutine has to, as with any signal.
//! - **A thread that blocks SIGURG**, or a program that has put another handler in the place of
//!   this one, gets reports without name and backtrace. A handler that was there before the first
//!   hub is called for every signal, ours too.
//! - **Names of functions** need symbols, lines need line tables (`debug = "line-tables-only"`).
//!   The first report reads them, which in a large program takes some time and memory; that is on
//!   the watchdog's thread. In a stripped program there are addresses.
//! - **Backtraces** are taken in the signal handler: see [`set_backtraces`].
//! - **The backtrace is of one moment**, right after the limit. A coroutine that holds its hub with
//!   many short calls is shown in one of them.
//! - **In a futex** are also `thread::park`, a `Condvar`, a blocking channel and the joining of
//!   a thread. A thread that tries a lock again and again computes.
//! - **Others' fault is not reported**: time in which the thread could run but others had the
//!   processor does not count, nor does time in which a debugger or a signal has stopped it. A hold
//!   on an overloaded machine is reported later for that reason. Where the kernel keeps no account
//!   (`/proc/self/task/…/schedstat`), waiting for the processor counts.
//! - **Only coroutines are watched**, not what else runs on the thread between their turns.
//! - **Bare [`Coroutine`](crate::Coroutine)s** are part of whoever switches to them: the report names
//!   the coroutine of the hub, and its backtrace shows both.
//! - **A child made by `fork` without `exec`** has no watchdog.

mod delivery;
mod frames;
mod hold;
mod proc;
mod pulse;
mod question;
mod report;
mod settings;
mod signal;
mod watcher;

pub use delivery::{on_report, report_to_stderr};
pub use frames::{Backtrace, Frame};
pub use report::{Activity, Report};
pub use settings::{limit, set_backtraces, set_limit};

pub(crate) use pulse::{Progress, Pulse};
pub(crate) use watcher::{forget, watch};
