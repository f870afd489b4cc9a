//! The end of the process: what is waited for, and what is not.
//!
//! When `main` returns, or `std::process::exit` is called:
//!
//! 1. Pools take no more work; what they have is finished and their workers end. Daemon pools are
//!    left alone.
//! 2. Threads that are not daemons are joined.
//! 3. Everything else just stops.
//!
//! That is what CPython does (`threading._shutdown`, `concurrent.futures.thread._python_exit`). A
//! process that has to wait for more than two seconds says on standard error for whom. A signal
//! that kills the process, `abort` and `_exit` wait for nothing. A thread that calls
//! `std::process::exit` is not waited for by itself. One that calls it while the process is ending
//! already stops there for ever, which is std's rule; if it belongs to a pool or must be joined, the
//! end of the process waits for it in vain, and says so.
//!
//! It hangs on libc's `atexit` ([`ExitHook`]), armed when the first thread or pool is made, so handlers
//! that were registered later run earlier.

use std::sync::atomic::{AtomicBool, Ordering};

use manyhands_wait::ExitHook;

use crate::{pool, registry};

static EXITING: AtomicBool = AtomicBool::new(false);

/// Whether the process is ending: pools refuse work.
pub fn is_exiting() -> bool {
    EXITING.load(Ordering::Acquire)
}

/// The rules above; armed when the first thread or pool is made. A copy of the process, made by
/// `fork`, has none of the threads to wait for.
pub(crate) static AT_EXIT: ExitHook = ExitHook::new(|waiting_for| {
    EXITING.store(true, Ordering::Release);
    pool::finish_all(waiting_for);
    registry::join_all(waiting_for);
});
