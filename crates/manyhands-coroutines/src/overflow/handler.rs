//! The handler of faults. It runs in the middle of anything, so it calls only what POSIX allows
//! there: `write`, `sigaction`, `raise`, `abort`.

use std::mem;
use std::ptr;
use std::sync::OnceLock;

use libc::{c_int, c_void, sigaction, siginfo_t};

use super::{message, running};

/// A fault is one or the other, depending on the system.
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The handlers that were there before, in the order of [`SIGNALS`].
static BEFORE: OnceLock<[sigaction; 2]> = OnceLock::new();

/// Installs the handler, once for the process.
pub(super) fn install() {
    // The handler needs to know its predecessors before it can be called.
    BEFORE.get_or_init(|| SIGNALS.map(current));
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        for signal in SIGNALS {
            let mut ours = default_action();
            ours.sa_sigaction =
                on_fault as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: `on_fault` has the signature that SA_SIGINFO asks for, and calls only what is
            // safe in a handler. Failing, which it does for no valid signal, would leave overflows
            // without a message.
            unsafe { libc::sigaction(signal, &ours, ptr::null_mut()) };
        }
    });
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes the description of the signal.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    // A signal that somebody has sent has no address.
    let is_fault = code > 0;
    // SAFETY: whoever is said to run here is alive until it is left, and this thread is inside it.
    if let Some(running) = unsafe { running().as_ref() }
        && is_fault
        && running.guard.contains(&address)
    {
        message::write(running);
        // SAFETY: ends the process; allowed in handlers.
        unsafe { libc::abort() };
    }
    forward(signal, info, context, is_fault);
}

/// Does what would have happened without us.
fn forward(signal: c_int, info: *mut siginfo_t, context: *mut c_void, is_fault: bool) {
    let before = SIGNALS.iter().position(|known| *known == signal);
    let before = before.and_then(|at| BEFORE.get().map(|actions| actions[at]));
    let before = before.unwrap_or_else(default_action);
    match before.sa_sigaction {
        libc::SIG_IGN if !is_fault => {}
        // A fault that is ignored would come again for ever; the kernel ends the process instead.
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: takes this handler out of use. A fault happens again when it returns; a signal
            // that was sent is raised again, and delivered when the handler has returned.
            unsafe {
                libc::sigaction(signal, &default_action(), ptr::null_mut());
                if !is_fault {
                    libc::raise(signal);
                }
            }
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: that action was installed as a function of this type.
            let handler = unsafe {
                mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(handler)
            };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without SA_SIGINFO it was installed as a function of this type.
            let handler = unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
            handler(signal);
        }
    }
}

fn current(signal: c_int) -> sigaction {
    let mut action = default_action();
    // SAFETY: asks only; `action` is a place for the answer.
    unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    action
}

fn default_action() -> sigaction {
    // SAFETY: all zeros is a valid value: the default action, an empty mask, no flags.
    unsafe { mem::zeroed() }
}
