//! From a prepared plan to a running process: `clone`, and what the child does until `exec`.
//!
//! The child shares the memory of this process and the calling thread stands still until the child
//! has become the program or has ended (`CLONE_VM | CLONE_VFORK`, as in `posix_spawn`). So starting
//! costs the same however large this process is, and a step that fails is told by a plain store.
//! The price is that the child may do nothing but system calls on what was prepared for it.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Which process group and session the child is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    /// Those of this process.
    Ours,
    /// A new group, which it leads.
    NewGroup,
    /// The group of this number.
    Group(i32),
    /// A new session, and in it a new group.
    NewSession,
}

/// What a standard stream of the child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// The one of this process.
    Inherited,
    /// This descriptor, which is none of 0, 1 and 2.
    Descriptor(RawFd),
    /// What standard output is.
    AsOutput,
}

/// Everything the child needs, prepared.
pub(super) struct Plan<'a> {
    pub(super) program: &'a CStr,
    pub(super) arguments: &'a [CString],
    pub(super) environment: &'a [CString],
    pub(super) directory: Option<&'a CStr>,
    pub(super) membership: Membership,
    /// Input, output, errors.
    pub(super) streams: [Stream; 3],
}

/// A step that may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Making a process at all.
    Clone,
    /// Process group or session.
    Membership,
    /// The working directory.
    Directory,
    /// Standard input, output and errors.
    Streams,
    /// Becoming the program.
    Exec,
}

/// A started process: its number and its descriptor.
pub(super) struct Spawned {
    pub(super) pid: i32,
    pub(super) pidfd: OwnedFd,
}

/// Enough for a few frames and one `sigaction`, also without optimisation.
const STACK_BYTES: usize = 64 * 1024;
const STACK_ALIGNMENT: usize = 16;
/// Signals are numbered from 1 to this.
const SIGNALS: c_int = 64;

/// Starts the program.
///
/// # Errors
/// The step that failed, and why. Nothing is left of the child then.
pub(super) fn spawn(plan: &Plan<'_>) -> Result<Spawned, (Step, io::Error)> {
    let arguments = pointers(plan.arguments);
    let environment = pointers(plan.environment);
    let mut start = Start {
        program: plan.program.as_ptr(),
        arguments: arguments.as_ptr(),
        environment: environment.as_ptr(),
        directory: plan.directory.map_or(ptr::null(), CStr::as_ptr),
        membership: plan.membership,
        streams: plan.streams,
        failure: None,
    };
    let mut stack: Vec<MaybeUninit<u8>> = Vec::with_capacity(STACK_BYTES);
    let top = stack.as_mut_ptr().wrapping_add(STACK_BYTES);
    let top = top.wrapping_sub(top.addr() % STACK_ALIGNMENT);
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;

    let blocked = AllBlocked::new();
    // SAFETY: `child` runs on `stack`, which is its own, aligned, and large enough, and which lives
    // until `clone` returns: with CLONE_VFORK that is after the child has ceased to use this memory.
    // `start` and all that it points to live as long, and nobody else touches them meanwhile. With
    // CLONE_PIDFD the fifth argument is where the descriptor goes.
    let pid = unsafe {
        let start: *mut Start = &raw mut start;
        libc::clone(child, top.cast(), flags, start.cast::<c_void>(), &raw mut pidfd)
    };
    let cloned = if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid) };
    drop(blocked);

    let pid = cloned.map_err(|error| (Step::Clone, error))?;
    // SAFETY: the kernel has made this descriptor for us; nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    // The compiler does not know that `clone` came back twice: read what the child may have stored.
    // SAFETY: a live, initialised local, which the child has finished with.
    match unsafe { ptr::read_volatile(&raw const start.failure) } {
        None => Ok(Spawned { pid, pidfd }),
        Some((step, errno)) => {
            reap(&pidfd);
            Err((step, io::Error::from_raw_os_error(errno)))
        }
    }
}

/// Takes away what is left of a child that has ended or is just doing so.
fn reap(pidfd: &OwnedFd) {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    use std::os::fd::AsFd;
    let id = WaitId::PidFd(pidfd.as_fd());
    // Nothing to be done if it fails: then somebody else has reaped it.
    let reap = || waitid(id.clone(), WaitIdOptions::EXITED);
    while reap().is_err_and(|errno| errno == rustix::io::Errno::INTR) {}
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// What the child reads and, at the very end, writes.
struct Start {
    program: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    directory: *const c_char,
    membership: Membership,
    streams: [Stream; 3],
    failure: Option<(Step, c_int)>,
}

/// The child, from its first instruction to `exec`. Allocates nothing, takes no lock, cannot panic.
extern "C" fn child(argument: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes a `Start` that nobody else touches while the child runs.
    let start = unsafe { &mut *argument.cast::<Start>() };
    let Err(failure) = become_program(start);
    // SAFETY: as for a read in `spawn`: the parent stands still and reads it afterwards.
    unsafe { ptr::write_volatile(&raw mut start.failure, Some(failure)) };
    // SAFETY: ends the child at once; nothing of the parent's is run (no destructors, no `atexit`).
    unsafe { libc::_exit(127) }
}

fn become_program(start: &Start) -> Result<std::convert::Infallible, (Step, c_int)> {
    reset_signals();
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
    // Whatever this process has open besides is none of the program's business. Where the kernel is
    // too old for it, those that are marked are closed by `exec` all the same.
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_close_range, 3, c_int::MAX, 0) };
    unblock_signals();
    // SAFETY: strings with their ends and arrays with null at theirs, all kept by the parent.
    let never = unsafe { libc::execve(start.program, start.arguments, start.environment) };
    check(Step::Exec, never)?;
    Err((Step::Exec, libc::ENOEXEC))
}

fn check(step: Step, result: c_int) -> Result<(), (Step, c_int)> {
    if result != -1 {
        return Ok(());
    }
    // SAFETY: the address of the thread's `errno`, which the child shares with the thread that waits.
    Err((step, unsafe { *libc::__errno_location() }))
}

/// No handler of this process may run in the child, which shares its memory; and a program expects
/// to be ended by Ctrl-C and by a pipe that nobody reads, whatever this process does about them.
/// What is ignored otherwise stays ignored (`nohup`).
fn reset_signals() {
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

fn unblock_signals() {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first call fills what the second reads.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

/// All signals blocked on this thread, until it is dropped.
struct AllBlocked(libc::sigset_t);

impl AllBlocked {
    fn new() -> AllBlocked {
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
