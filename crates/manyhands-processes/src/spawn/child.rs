//! The child, from its first instruction to `execve`.
//!
//! It runs in the parent's memory and on a stack of its own: it allocates nothing, takes no lock and
//! cannot panic.

use std::convert::Infallible;
use std::ffi::{c_char, c_int, c_void};
use std::os::fd::RawFd;
use std::ptr;

use super::{FIRST_FREE, Fate, Membership, Signals, Step, Stream, signals};

/// What the child reads and, at the very end, writes.
pub(super) struct Start<'a> {
    pub(super) program: *const c_char,
    pub(super) arguments: *const *const c_char,
    pub(super) environment: *const *const c_char,
    pub(super) directory: *const c_char,
    pub(super) membership: Membership,
    pub(super) streams: [Stream; 3],
    pub(super) line: Option<RawFd>,
    pub(super) signals: Signals,
    pub(super) fate: Fate<'a>,
    /// The number of the parent.
    pub(super) parent: c_int,
    pub(super) failure: Option<(Step, c_int)>,
}

/// What `clone` calls, with a [`Start`].
pub(super) extern "C" fn run(argument: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes a `Start` that nobody else touches while the child runs.
    let start = unsafe { &mut *argument.cast::<Start<'_>>() };
    let Err(failure) = become_program(start);
    // SAFETY: as for a read in `spawn`: the parent stands still and reads it afterwards.
    unsafe { ptr::write_volatile(&raw mut start.failure, Some(failure)) };
    // SAFETY: ends the child at once; nothing of the parent's is run (no destructors, no `atexit`).
    unsafe { libc::_exit(127) }
}

fn become_program(start: &Start<'_>) -> Result<Infallible, (Step, c_int)> {
    if start.signals == Signals::AsExpected {
        signals::reset();
    }
    let joined = match start.membership {
        Membership::Ours => 0,
        // SAFETY: a system call without pointers.
        Membership::NewGroup => unsafe { libc::setpgid(0, 0) },
        // SAFETY: as above.
        Membership::Group(leader) => unsafe { libc::setpgid(0, leader) },
        // SAFETY: as above.
        Membership::NewSession => unsafe { libc::setsid() },
    };
    check(Step::Membership, joined)?;
    tie(start.fate, start.parent)?;
    if !start.directory.is_null() {
        // SAFETY: a string with its end, which the parent keeps.
        check(Step::Directory, unsafe { libc::chdir(start.directory) })?;
    }
    for (number, stream) in (0..).zip(start.streams) {
        let source = match stream {
            Stream::Inherited => continue,
            Stream::Descriptor(descriptor) => descriptor,
            Stream::AsOutput => 1,
        };
        // SAFETY: a system call without pointers, on the child's own copy of the descriptors.
        check(Step::Streams, unsafe { libc::dup2(source, number) })?;
    }
    let first_closed = match start.line {
        Some(line) => {
            // SAFETY: as above.
            check(Step::Streams, unsafe { libc::dup2(line, FIRST_FREE) })?;
            FIRST_FREE + 1
        }
        None => FIRST_FREE,
    };
    close_from(first_closed);
    if start.signals == Signals::AsExpected {
        signals::unblock();
    }
    // SAFETY: strings with their ends and arrays with null at theirs, all kept by the parent.
    let never = unsafe { libc::execve(start.program, start.arguments, start.environment) };
    check(Step::Exec, never)?;
    Err((Step::Exec, libc::ENOEXEC))
}

/// Ties the child to the life of its parent.
///
/// The parent may be gone by now, and whoever looks at the roster then may have done so already. But
/// a parent that has ended is not the parent any more before anybody hears of its end. So if it still
/// is after the entry, the entry will be seen.
fn tie(fate: Fate<'_>, parent: c_int) -> Result<(), (Step, c_int)> {
    // SAFETY: a system call without pointers.
    let parent_now = || unsafe { libc::getppid() };
    // In a namespace of its own it cannot know its parent, nor the number that it has there.
    let is_elsewhere = parent_now() == 0;
    match fate {
        Fate::None => return Ok(()),
        Fate::WithThread => {
            // SAFETY: as above.
            let tied = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            check(Step::Membership, tied)?;
        }
        Fate::OnRoster(roster, Some(kind)) if !is_elsewhere => {
            // SAFETY: as above.
            roster.enter(kind, unsafe { libc::getpid() });
        }
        Fate::OnRoster(..) => {}
    }
    if is_elsewhere || parent_now() == parent { Ok(()) } else { Err((Step::Clone, libc::ESRCH)) }
}

/// Closes every descriptor from `first` on: whatever this process has open besides is none of the
/// program's business.
fn close_from(first: RawFd) {
    const FEW: libc::rlim_t = 65_536;
    // SAFETY: closes descriptors of the child's own table, which it does not use any more.
    if unsafe { libc::syscall(libc::SYS_close_range, first, c_int::MAX, 0) } == 0 {
        return;
    }
    // A kernel older than 5.9, or a filter that does not know the call. Everything that std or this
    // crate opens closes itself at `execve`; this catches what others have opened.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writing; the descriptors as above.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        for descriptor in first..limit.rlim_cur.min(FEW) as RawFd {
            libc::close(descriptor);
        }
    }
}

fn check(step: Step, result: c_int) -> Result<(), (Step, c_int)> {
    if result != -1 {
        return Ok(());
    }
    // SAFETY: the address of the thread's `errno`, which the child shares with the thread that waits.
    Err((step, unsafe { *libc::__errno_location() }))
}
