//! The end of the program: daemons are terminated, the others are waited for.
//!
//! When `main` returns, or `std::process::exit` is called, processes that are daemons get SIGTERM;
//! then the program waits for those that are not, and says on standard error for whom if it takes
//! longer than two seconds. What is alive after that ends with this process. A signal that kills
//! this process, `abort` and `_exit` wait for nothing; then all of them end.
//!
//! A callback of a process's task that calls `exit` waits for nothing: it would wait for itself.
//!
//! It hangs on libc's `atexit`, armed when the first process is started.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{monitor, registry};

/// How long the end of the program waits before it says for whom.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// The process whose children these are. A copy of it, made by `fork`, waits for none of them.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Has the rules above applied when the program ends.
pub(super) fn arm() {
    static ARMED: Once = Once::new();
    ARMED.call_once(|| {
        OWNER.store(std::process::id(), Ordering::Relaxed);
        // SAFETY: `at_exit` is an `extern "C"` function that never unwinds (see there). If the
        // table of handlers is full, nothing is waited for.
        unsafe { libc::atexit(at_exit) };
    });
}

extern "C" fn at_exit() {
    if OWNER.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    // An unwinding out of a handler of libc would be undefined; nothing here is meant to panic.
    let _never = std::panic::catch_unwind(|| {
        registry::terminate_daemons();
        if monitor::is_here() {
            return;
        }
        let notice_at = Instant::now() + SILENCE_MAX;
        let mut noticed = false;
        registry::join_all(&mut |what| {
            let now = Instant::now();
            if !noticed && notice_at <= now {
                noticed = true;
                eprintln!("manyhands: the program ends when {what} has ended");
            }
            if noticed { Duration::from_secs(3600) } else { notice_at - now }
        });
    });
}
