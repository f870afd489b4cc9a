//! The end of the program: daemons are terminated, the others are waited for.
//!
//! When `main` returns, or `std::process::exit` is called, processes that are daemons get SIGTERM;
//! then the program waits for those that are not, and says on standard error for whom if it takes
//! longer than two seconds. What is alive after that ends with this process. A signal that kills
//! this process, `abort` and `_exit` wait for nothing; then all of them end. A copy of this process,
//! made by `fork`, has none of them to wait for.
//!
//! A callback of a process's task that calls `exit` waits for nothing: it would wait for itself.

use manyhands_wait::ExitHook;

use super::{monitor, registry};

/// The rules above; armed when the first process is started.
pub(super) static AT_EXIT: ExitHook = ExitHook::new(|waiting_for| {
    registry::terminate_daemons();
    if !monitor::is_here() {
        registry::join_all(waiting_for);
    }
});
