//! Signals around a start: blocked while memory is shared, and as a program expects them.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

/// Signals are numbered from 1 to this.
const SIGNALS: c_int = 64;

/// In the child: no handler of this process may run there, since it shares its memory; and a program
/// expects to be ended by Ctrl-C and by a pipe that nobody reads, whatever this process does about
/// them. What is ignored otherwise stays ignored (`nohup`).
pub(super) fn reset() {
    for signal in 1..=SIGNALS {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: only asks; `action` has room for the answer.
        if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
            // One that the C library keeps for itself.
            continue;
        }
        // SAFETY: the call has filled it.
        let mut action = unsafe { action.assume_init() };
        let is_ours = signal == libc::SIGPIPE || signal == libc::SIGINT;
        let goes = match action.sa_sigaction {
            libc::SIG_DFL => false,
            libc::SIG_IGN => is_ours,
            _handler => true,
        };
        if goes {
            action.sa_sigaction = libc::SIG_DFL;
            action.sa_flags = 0;
            // SAFETY: a complete action, in the child's own table of handlers (no CLONE_SIGHAND).
            unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
        }
    }
}

/// In the child: nothing is blocked any more.
pub(super) fn unblock() {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first call fills what the second reads.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

/// All signals blocked on this thread, until it is dropped.
pub(super) struct AllBlocked(libc::sigset_t);

impl AllBlocked {
    pub(super) fn new() -> AllBlocked {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the first call fills `all`, the second reads it and fills `before`; it can fail
        // only for an unknown first argument.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
            AllBlocked(before.assume_init())
        }
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        // SAFETY: a set that the kernel gave us.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}
