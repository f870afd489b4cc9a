//! The stack on which a thread handles signals: a handler cannot run on the stack that has just
//! overflowed. Std gives one to each of its threads, just large enough for its own handler; here is
//! one with room for ours, which walk along stacks for the watchdog.

use std::io;
use std::ptr;

use crate::stack::page_bytes;

/// Room for the handler besides what the kernel asks for, which depends on the processor.
const HANDLER_BYTES: usize = 32 * 1024;

/// Gives this thread a stack for signals, unless it has one that is large enough. If there is no
/// memory for it, what was there stays; without any, an overflow on this thread ends the process
/// without a message.
pub(super) fn ensure() {
    if !has_room() {
        // While the thread ends it does not matter any more.
        let _ = ALTERNATE.try_with(|_| ());
    }
}

thread_local! {
    static ALTERNATE: Option<Alternate> = Alternate::install().ok();
}

struct Alternate {
    low: *mut libc::c_void,
    bytes: usize,
}

fn has_room() -> bool {
    let mut now = disabled();
    // SAFETY: asks only; `now` is a place for the answer.
    let is_known = unsafe { libc::sigaltstack(ptr::null(), &mut now) == 0 };
    is_known && now.ss_flags & libc::SS_DISABLE == 0 && now.ss_size >= bytes()
}

fn bytes() -> usize {
    // SAFETY: reads a value that the kernel gave the process; 0 if it gave none.
    let least = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    (least.max(libc::SIGSTKSZ) + HANDLER_BYTES).next_multiple_of(page_bytes())
}

fn disabled() -> libc::stack_t {
    libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: libc::SIGSTKSZ }
}

impl Alternate {
    fn install() -> io::Result<Alternate> {
        let bytes = bytes();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping where the kernel likes touches nobody's memory.
        let low = unsafe {
            libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if low == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let alternate = Alternate { low, bytes };
        let stack = libc::stack_t { ss_sp: low, ss_flags: 0, ss_size: bytes };
        // SAFETY: the memory is mapped until `drop`, which takes it out of use first.
        match unsafe { libc::sigaltstack(&stack, ptr::null_mut()) } {
            0 => Ok(alternate),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Alternate {
    fn drop(&mut self) {
        // SAFETY: the thread ends and does not run on this stack; once it is out of use, nobody has
        // its memory.
        unsafe {
            libc::sigaltstack(&disabled(), ptr::null_mut());
            libc::munmap(self.low, self.bytes);
        }
    }
}
