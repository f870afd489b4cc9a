//! From a prepared plan to a running process: `clone` and `execve`, for external programs and for
//! workers of this one.
//!
//! The child shares the memory of this process and the calling thread stands still until the child
//! has become the program or has ended (`CLONE_VM | CLONE_VFORK`, as in `posix_spawn`). So starting
//! costs the same however large this process is, and a step that fails is told by a plain store.
//! The price is that the child may do nothing but system calls on what was prepared for it.
//!
//! It is done by hand because some things must happen in between that cannot be asked for with
//! `posix_spawn` on every libc: all descriptors but a few are closed, signals are blocked until
//! nobody's handlers can run, each step has an error of its own, and the pidfd is made together with
//! the process.

mod child;
mod signals;

use std::ffi::{CStr, CString, c_char, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::warden::{Kind, Roster};
use signals::AllBlocked;

/// The first descriptor behind the standard streams.
pub(crate) const FIRST_FREE: RawFd = 3;

/// Which process group and session the child is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
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
pub(crate) enum Stream {
    /// The one of this process.
    Inherited,
    /// This descriptor, which is none of those that are being made.
    Descriptor(RawFd),
    /// What standard output is.
    AsOutput,
}

/// What the child finds of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signals {
    /// What a program expects: nothing is blocked, and Ctrl-C and a pipe that nobody reads end it.
    AsExpected,
    /// Everything is blocked, until it has dispositions of its own.
    Blocked,
}

/// What ends the child when this process ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate<'a> {
    /// Nothing: it sees to that itself, or is to stay.
    None,
    /// The kernel kills it when the thread that starts it ends, so that has to wait for it.
    WithThread,
    /// It is entered here, unless it belongs to a group that is.
    OnRoster(&'a Roster, Option<Kind>),
}

/// Everything the child needs, prepared.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) program: &'a CStr,
    pub(crate) arguments: &'a [CString],
    pub(crate) environment: &'a [CString],
    pub(crate) directory: Option<&'a CStr>,
    pub(crate) membership: Membership,
    /// Input, output, errors.
    pub(crate) streams: [Stream; 3],
    /// Becomes [`FIRST_FREE`]; it is none of those that are being made.
    pub(crate) line: Option<RawFd>,
    pub(crate) signals: Signals,
    pub(crate) fate: Fate<'a>,
}

/// A step that may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Making a process at all.
    Clone,
    /// Process group or session.
    Membership,
    /// The working directory.
    Directory,
    /// The descriptors that it begins with.
    Streams,
    /// Becoming the program.
    Exec,
}

/// A started process: its number and its descriptor.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
}

/// Starts the program.
///
/// # Errors
/// The step that failed, and why. Nothing is left of the child then.
pub(crate) fn spawn(plan: &Plan<'_>) -> Result<Spawned, (Step, io::Error)> {
    let arguments = pointers(plan.arguments);
    let environment = pointers(plan.environment);
    let mut start = child::Start {
        program: plan.program.as_ptr(),
        arguments: arguments.as_ptr(),
        environment: environment.as_ptr(),
        directory: plan.directory.map_or(ptr::null(), CStr::as_ptr),
        membership: plan.membership,
        streams: plan.streams,
        line: plan.line,
        signals: plan.signals,
        fate: plan.fate,
        parent: std::process::id().cast_signed(),
        failure: None,
    };
    let mut stack = Stack::new();
    let mut pidfd: RawFd = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;

    let blocked = AllBlocked::new();
    // SAFETY: `child::run` runs on `stack`, which is its own, aligned, and large enough, and which
    // lives until `clone` returns: with CLONE_VFORK that is after the child has ceased to use this
    // memory. `start` and all that it points to live as long, and nobody else touches them
    // meanwhile. With CLONE_PIDFD the fifth argument is where the descriptor goes.
    let pid = unsafe {
        let start: *mut child::Start<'_> = &raw mut start;
        libc::clone(child::run, stack.top(), flags, start.cast::<c_void>(), &raw mut pidfd)
    };
    let cloned = if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid) };
    drop(blocked);

    let pid = cloned.map_err(|error| (Step::Clone, error))?;
    if pidfd < 0 {
        // A kernel that does not know the flag ignores it. Without a descriptor nothing here holds.
        // SAFETY: the process is our child and was not waited for, so the number is its.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, ptr::null_mut(), 0);
        }
        let why = "this system gives no descriptors of processes; Linux 5.4 or later is needed";
        return Err((Step::Clone, io::Error::new(io::ErrorKind::Unsupported, why)));
    }
    // SAFETY: the kernel has made this descriptor for us; nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    // The compiler does not know that `clone` came back twice: read what the child may have stored.
    // SAFETY: a live, initialised local, which the child has finished with.
    match unsafe { ptr::read_volatile(&raw const start.failure) } {
        None => {
            if let Fate::OnRoster(roster, Some(kind)) = plan.fate {
                // It has done so itself, unless it does not know the number that we know it by.
                roster.enter(kind, pid);
            }
            Ok(Spawned { pid, pidfd })
        }
        Some((step, errno)) => {
            if let Fate::OnRoster(roster, Some(kind)) = plan.fate {
                roster.leave(kind, pid);
            }
            reap(&pidfd);
            Err((step, io::Error::from_raw_os_error(errno)))
        }
    }
}

/// Takes away what is left of a child that has ended or is just doing so.
fn reap(pidfd: &OwnedFd) {
    let id = WaitId::PidFd(pidfd.as_fd());
    // Nothing to be done if it fails: then somebody else has reaped it.
    let reap = || waitid(id.clone(), WaitIdOptions::EXITED);
    while reap().is_err_and(|errno| errno == rustix::io::Errno::INTR) {}
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// A stack for the moment between `clone` and `execve`.
struct Stack(Vec<MaybeUninit<u128>>);

impl Stack {
    /// Enough for a few frames, also without optimisation, and for the dynamic loader, which may
    /// look up a symbol here.
    const BYTES: usize = 64 * 1024;

    fn new() -> Stack {
        Stack(vec![MaybeUninit::uninit(); Stack::BYTES / size_of::<u128>()])
    }

    fn top(&mut self) -> *mut c_void {
        self.0.as_mut_ptr_range().end.cast()
    }
}
