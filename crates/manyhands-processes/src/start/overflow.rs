//! std's message for a stack that overflows, in workers that are taken over before `main`.
//!
//! std prints it from a handler that it puts in place only on its way to `main`. So the worker's
//! own thread gets one like it here. Threads that code of the program starts there have none: an
//! overflow of theirs is a plain SIGSEGV.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

/// What the handler knows; nothing here changes once it is in place.
struct Watched {
    /// The thread's name, or as much of it as is printed.
    name: String,
    /// Addresses that only a stack which overflows comes to.
    guard: std::ops::Range<usize>,
}

static WATCHED: OnceLock<Watched> = OnceLock::new();

/// The size of the stack on which the handler runs: more than any processor's registers need.
const HANDLER_STACK: usize = 64 * 1024;

/// Has an overflow of the calling thread's stack reported. Where that is not possible, or the
/// program has handlers of its own already, everything stays as it is.
pub(super) fn watch_this_thread() {
    let name = std::thread::current().name().unwrap_or("worker").to_owned();
    let Some(guard) = guard_of_this_thread() else { return };
    if WATCHED.set(Watched { name, guard }).is_ok() && own_handler_stack().is_ok() {
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            handle(signal);
        }
    }
}

/// Around the end of the stack: libcs differ in whether they count the guard as part of it.
fn guard_of_this_thread() -> Option<std::ops::Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut low, mut size, mut guard) = (ptr::null_mut(), 0, 0);
    // SAFETY: every pointer is valid for writing, and the attributes are used between the calls
    // that initialise and destroy them.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size)
            | libc::pthread_attr_getguardsize(attributes.as_ptr(), &raw mut guard);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if failed != 0 {
            return None;
        }
    }
    let low = low.addr();
    Some(low.saturating_sub(guard)..low + guard)
}

/// Gives this thread a stack for handlers; it stays for the rest of the process.
fn own_handler_stack() -> io::Result<()> {
    let memory = vec![MaybeUninit::<u8>::uninit(); HANDLER_STACK].leak();
    let stack =
        libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: HANDLER_STACK };
    // SAFETY: the memory is never freed and nobody else uses it.
    match unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Handles a signal for which nothing is done yet.
fn handle(signal: libc::c_int) {
    let mut action = super::signals::action_of(signal);
    if action.sa_sigaction != libc::SIG_DFL {
        return;
    }
    action.sa_sigaction = on_fault as extern "C" fn(_, _, _) as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `on_fault` is fit for a handler of three arguments.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
}

/// Says what it is and aborts, if the fault is an overflow; otherwise leaves it to the default.
/// Runs in a handler: nothing but system calls.
extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands over a description of the fault, which has an address.
    let address = unsafe { (*info).si_addr() }.addr();
    match WATCHED.get().filter(|watched| watched.guard.contains(&address)) {
        Some(watched) => {
            write(b"\nthread '");
            write(watched.name.as_bytes());
            write(b"' has overflowed its stack\nfatal runtime error: stack overflow, aborting\n");
            // SAFETY: ends the process.
            unsafe { libc::abort() }
        }
        // The instruction is repeated when this returns, and then the signal does what it does.
        // SAFETY: the default action is always possible.
        None => unsafe {
            libc::signal(signal, libc::SIG_DFL);
        },
    }
}

fn write(bytes: &[u8]) {
    // SAFETY: the bytes are there. If nobody reads standard error, nothing is lost.
    unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
}
