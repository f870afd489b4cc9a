//! The signal that has a hub's thread say who holds it and where, and its handler.
//!
//! SIGURG, because it does nothing where nobody handles it: a thread that gets one late, after
//! `exec` even, goes on; libraries and debuggers leave it alone; and whoever uses it for urgent data
//! of sockets has to bear one too many anyway. A handler that was there before is called after ours.

use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;

use libc::{sigaction, siginfo_t};

use super::proc;
use super::question::{Answer, FRAMES_MAX, Wanted};
use crate::hub::Hub;

const SIGNAL: c_int = libc::SIGURG;

/// The handler that was there before.
static BEFORE: OnceLock<sigaction> = OnceLock::new();

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Installs the handler, once for the process.
pub(super) fn install() {
    // The handler needs to know its predecessor before it can be called.
    BEFORE.get_or_init(current);
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let mut ours = default_action();
        ours.sa_sigaction = on_signal as Handler as usize;
        // What can be restarted is. On the stack for signals: that of a coroutine may be almost full.
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        // SAFETY: changes the set alone, and `on_signal` has the signature that SA_SIGINFO asks for
        // and does only what is allowed in a handler.
        unsafe {
            // Others would have to share the stack for signals; faults cannot wait.
            libc::sigfillset(&mut ours.sa_mask);
            for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP] {
                libc::sigdelset(&mut ours.sa_mask, fault);
            }
            libc::sigaction(SIGNAL, &ours, ptr::null_mut());
        }
    });
}

/// Interrupts a thread of this process. `false` if it has ended or keeps the signal waiting, or
/// somebody has put another handler in the place of ours.
pub(super) fn send(thread: i32) -> bool {
    if current().sa_sigaction != on_signal as Handler as usize || proc::blocks(thread, SIGNAL) {
        return false;
    }
    let process = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: sends a signal that has a handler. Should the number be another thread's by now, that
    // one finds no question.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, SIGNAL) == 0 }
}

/// Keeps all signals off the thread that calls this.
pub(super) fn block_all() {
    // SAFETY: all zeros is a valid set; filling it and blocking it touches this thread alone.
    unsafe {
        let mut all = mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, ptr::null_mut());
    }
}

extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the address of this thread's `errno`, which the interrupted code may be about to read.
    let errno = unsafe { *libc::__errno_location() };
    // The pointer to the hub is a thread-local without a destructor that the thread has touched when
    // it made the hub.
    Hub::with_own(|hub| {
        hub.remote().pulse().question.answer(|wanted, answer| fill(hub, wanted, answer, context));
    });
    forward(signal, info, context);
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// Writes down who holds the hub. `false` if nobody does any more.
fn fill(hub: &Hub, wanted: Wanted, answer: &mut Answer, context: *mut c_void) -> bool {
    let Some(running) = hub.current().map(|body| &body.running) else { return false };
    if hub.remote().progress() != wanted.progress {
        return false;
    }
    answer.id = running.id();
    answer.name = running.peek_name();
    answer.at = interrupted_at(context);
    answer.depth = 0;
    if wanted.backtrace {
        trace(|address| running.has_on_stack(address), answer);
    }
    true
}

/// Writes down the return addresses from here to the end of the coroutine's stack.
fn trace(is_on_stack: impl Fn(usize) -> bool, answer: &mut Answer) {
    let mut was_there = false;
    let each = |frame: &backtrace::Frame| {
        let is_there = is_on_stack(frame.sp().addr());
        if was_there && !is_there {
            return false;
        }
        was_there |= is_there;
        answer.frames[answer.depth] = frame.ip().addr();
        answer.depth += 1;
        answer.depth < FRAMES_MAX
    };
    // SAFETY: the function asks for no other thread in the `backtrace` library at the same time; on
    // Linux it calls `_Unwind_Backtrace` and nothing else, which keeps everything on its stack and
    // reads tables that do not change. It is not on POSIX's list of what a handler may call, and
    // profilers have called it in theirs for decades. Known to be left: where the C library finds
    // the tables under a lock (glibc before 2.35, musl), a thread that holds it (in `dlopen`) and
    // waits for this one; tables that a JIT compiler registers at run time, which are sorted under
    // a lock of their own; wrong tables of hand-written assembly. `set_backtraces(false)` avoids
    // all of it.
    unsafe { backtrace::trace_unsynchronized(each) };
}

/// Calls it once outside a handler, so that the dynamic linker has done its part.
pub(super) fn warm_up() {
    backtrace::trace(|_| false);
}

/// The instruction that was interrupted.
#[allow(unused_variables, reason = "on some processors nothing is known")]
fn interrupted_at(context: *mut c_void) -> usize {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: with SA_SIGINFO the kernel passes the interrupted state, valid until the handler
    // returns.
    #[cfg(target_arch = "x86_64")]
    return unsafe { (*context).uc_mcontext.gregs[libc::REG_RIP as usize] as usize };
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    return unsafe { (*context).uc_mcontext.pc as usize };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return 0;
}

/// Does what would have happened without us. It may have been a signal about urgent data, even if
/// it also was ours: one that comes while another is pending is lost.
fn forward(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(before) = BEFORE.get() else { return };
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {}
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: that action was installed as a function of this type.
            let handler = unsafe { mem::transmute::<usize, Handler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without SA_SIGINFO it was installed as a function of this type.
            let handler = unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
            handler(signal);
        }
    }
}

fn current() -> sigaction {
    let mut action = default_action();
    // SAFETY: asks only; `action` is a place for the answer.
    unsafe { libc::sigaction(SIGNAL, ptr::null(), &mut action) };
    action
}

fn default_action() -> sigaction {
    // SAFETY: all zeros is a valid value: the default action, an empty mask, no flags.
    unsafe { mem::zeroed() }
}
