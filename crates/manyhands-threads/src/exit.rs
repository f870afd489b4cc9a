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
//! It hangs on libc's `atexit`, armed when the first thread or pool is made, so handlers that were
//! registered later run earlier.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use manyhands_wait::{Layer, TaskLabel};

use crate::pool;
use crate::registry;

/// How long the end of the process waits before it says for whom.
const SILENCE_MAX: Duration = Duration::from_secs(2);

static EXITING: AtomicBool = AtomicBool::new(false);

/// Whether the process is ending: pools refuse work.
pub fn is_exiting() -> bool {
    EXITING.load(Ordering::Acquire)
}

/// The process whose threads these are. A copy of it, made by `fork`, has none of them to wait for.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Has the rules above applied when the process ends.
pub(crate) fn arm() {
    static ARMED: Once = Once::new();
    ARMED.call_once(|| {
        OWNER.store(std::process::id(), Ordering::Relaxed);
        // SAFETY: `at_exit` is an `extern "C"` function that never unwinds (see there). If the
        // table of handlers is full, nothing is waited for, as with plain std threads.
        unsafe { libc::atexit(at_exit) };
    });
}

extern "C" fn at_exit() {
    if OWNER.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    // An unwinding out of a handler of libc would be undefined; nothing here is meant to panic.
    let _never = std::panic::catch_unwind(|| {
        EXITING.store(true, Ordering::Release);
        let mut notice = Notice { at: Instant::now() + SILENCE_MAX, given: false };
        // Whoever calls `exit` may be cancelled or late; the end of the process is not.
        let label = || TaskLabel { id: 0, name: Some("end of the process".into()) };
        Layer::new().task(&label).enter(|| {
            pool::finish_all(&mut |what| notice.wait_for(what));
            registry::join_all(&mut |what| notice.wait_for(what));
        });
    });
}

/// Says once for whom the end of the process waits, if it takes long.
struct Notice {
    at: Instant,
    given: bool,
}

impl Notice {
    /// How long to wait for `what` before looking again; gives the notice when it is time.
    fn wait_for(&mut self, what: &str) -> Duration {
        let now = Instant::now();
        if !self.given && self.at <= now {
            self.given = true;
            eprintln!("manyhands: the process ends when {what} has ended");
        }
        if self.given { Duration::from_secs(3600) } else { self.at - now }
    }
}
