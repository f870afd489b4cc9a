//! What a worker does about signals.

use std::mem::MaybeUninit;
use std::ptr;

/// Puts the dispositions of a worker in place and unblocks all signals, which are blocked since
/// before the process was made.
///
/// * SIGINT does nothing here: a terminal sends it to every process in front, and what is to end is
///   decided by the parent. A handler does that instead of ignoring it, because a handler is not
///   inherited by the programs that the worker starts.
/// * SIGPIPE is ignored, as std does it in `main`.
pub(super) fn prepare() {
    // SAFETY: the actions are initialised; `does_nothing` is fit for a handler. What was ignored by
    // the wish of whoever started the program stays ignored.
    unsafe {
        let mut interrupt = action_of(libc::SIGINT);
        if interrupt.sa_sigaction == libc::SIG_DFL {
            interrupt.sa_sigaction = does_nothing as extern "C" fn(libc::c_int) as usize;
            interrupt.sa_flags = libc::SA_RESTART;
            libc::sigaction(libc::SIGINT, &raw const interrupt, ptr::null_mut());
        }
        if action_of(libc::SIGPIPE).sa_sigaction == libc::SIG_DFL {
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

extern "C" fn does_nothing(_signal: libc::c_int) {}

/// What is done about a signal.
pub(super) fn action_of(signal: libc::c_int) -> libc::sigaction {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeroes is a valid action (the default one), and the call overwrites it.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    }
}
