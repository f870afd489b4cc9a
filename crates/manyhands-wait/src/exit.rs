//! The end of the process, for those who have something to wait for then.

use std::ffi::c_int;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::{Layer, TaskLabel};

/// How long the end of the process waits before it says for whom.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What is done when `main` returns or `std::process::exit` is called, before the process ends.
///
/// It hangs on libc's `atexit`, so hooks run in the reverse of the order in which they were
/// [armed](Self::arm), and after handlers that others have registered since. A signal that kills the
/// process, `abort` and `_exit` run none of them. A copy of the process, made by `fork`, runs none
/// that was armed before.
///
/// The hook runs on the thread that ends the process, and waits there within no deadline and under no
/// cancellation but its own. Whoever waits for long says so: the hook is given a function that it
/// calls with the name of what it is about to wait for, as often as it waits, and that answers how
/// long to wait at most before it is asked again. When two seconds have passed, it writes once to
/// standard error for whom the program waits.
///
/// ```
/// use manyhands_wait::ExitHook;
///
/// static FAREWELL: ExitHook = ExitHook::new(|_waiting_for| println!("done"));
/// FAREWELL.arm();
/// ```
#[derive(Debug)]
pub struct ExitHook {
    run: Work,
    armed: Once,
    /// The process in which it was armed.
    owner: AtomicU32,
}

impl ExitHook {
    /// A hook that does this, once it is [armed](Self::arm).
    pub const fn new(run: Work) -> ExitHook {
        ExitHook { run, armed: Once::new(), owner: AtomicU32::new(0) }
    }

    /// Has it run when the process ends. Only the first call does something. If libc has no room for
    /// it, it never runs.
    pub fn arm(&'static self) {
        self.armed.call_once(|| {
            self.owner.store(std::process::id(), Ordering::Relaxed);
            lock().push(self);
            // SAFETY: `at_exit` is an `extern "C"` function that never unwinds (see there).
            if unsafe { libc::atexit(at_exit) } != OK {
                lock().pop_if(|last| std::ptr::eq(*last, self));
            }
        });
    }

    fn run(&self) {
        if self.owner.load(Ordering::Relaxed) != std::process::id() {
            return;
        }
        let mut notice = Notice { at: Instant::now() + SILENCE_MAX, given: false };
        // Whoever calls `exit` may be cancelled or late; the end of the process is not.
        let label = || TaskLabel { id: 0, name: Some("end of the process".into()) };
        Layer::new().task(&label).enter(|| (self.run)(&mut |what| notice.wait_for(what)));
    }
}

/// What a hook does. It is given the function by which it says for whom it waits.
type Work = fn(&mut dyn FnMut(&str) -> Duration);

/// What `atexit` returns if it has worked.
const OK: c_int = 0;

/// Those that are armed and have not run. For each, `at_exit` is called once, the last one first.
static ARMED: Mutex<Vec<&'static ExitHook>> = Mutex::new(Vec::new());

fn lock() -> std::sync::MutexGuard<'static, Vec<&'static ExitHook>> {
    ARMED.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn at_exit() {
    // An unwinding out of a handler of libc would be undefined; hooks are not meant to panic.
    let _never = catch_unwind(|| {
        let hook = lock().pop();
        if let Some(hook) = hook {
            hook.run();
        }
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
            eprintln!("manyhands: the program ends when {what} has ended");
        }
        if self.given { Duration::from_secs(3600) } else { self.at - now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_looks_again_until_the_notice_is_given_and_then_rarely() {
        let mut notice = Notice { at: Instant::now() + Duration::from_secs(60), given: false };
        assert!(notice.wait_for("somebody") <= Duration::from_secs(60));
        assert!(!notice.given);
        notice.at = Instant::now();
        assert!(notice.wait_for("somebody") > Duration::from_secs(60));
        assert!(notice.given);
    }
}
