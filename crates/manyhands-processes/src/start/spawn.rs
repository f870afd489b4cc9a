//! Making the process: `clone` and `execve` of this very binary.
//!
//! It is done by hand instead of with `posix_spawn` because three things must happen between the
//! two that cannot be asked for there on every libc: all descriptors but a few are closed, the
//! signals stay blocked until the child has put its own dispositions in place, and the pidfd is
//! made together with the process. The child shares our memory until it executes, so nothing is
//! copied, however large this process is; the calling thread sleeps for that long.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// The number of the control socket in the child.
pub(super) const CONTROL: RawFd = 3;

/// What the child executes and is given.
pub(super) struct Image<'a> {
    pub(super) executable: &'a CStr,
    pub(super) arguments: &'a [CString],
    pub(super) environment: &'a [CString],
    /// Becomes [`CONTROL`].
    pub(super) control: BorrowedFd<'a>,
    /// Becomes standard error; otherwise it has ours.
    pub(super) stderr: Option<BorrowedFd<'a>>,
}

/// Starts the process: its pid and pidfd.
///
/// The signals that the caller's thread may block are all blocked in the child, which unblocks them
/// itself.
pub(super) fn spawn(image: &Image<'_>) -> io::Result<(u32, OwnedFd)> {
    // Descriptors that are themselves among the targets would be overwritten while they are moved.
    let control = above_targets(image.control)?;
    let stderr = image.stderr.map(above_targets).transpose()?;
    let arguments = pointers(image.arguments);
    let environment = pointers(image.environment);
    let mut plan = Plan {
        executable: image.executable.as_ptr(),
        arguments: arguments.as_ptr(),
        environment: environment.as_ptr(),
        control: control.as_raw_fd(),
        stderr: stderr.as_ref().map(AsRawFd::as_raw_fd),
        error: 0,
    };
    let mut stack = Stack::new();
    let mut pidfd: RawFd = -1;
    let blocked = BlockedSignals::new();
    // SAFETY: the stack is large enough and not used otherwise, `plan` and `pidfd` outlive the
    // child's use of them: with `CLONE_VFORK` this thread goes on when the child has executed or
    // ended. What the child runs (`in_child`) is fit for running in shared memory.
    let pid = unsafe {
        libc::clone(
            in_child,
            stack.top(),
            libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD,
            (&raw mut plan).cast(),
            &raw mut pidfd,
        )
    };
    let error = io::Error::last_os_error();
    drop(blocked);
    if pid < 0 {
        return Err(error);
    }
    if pidfd < 0 {
        // A kernel that does not know the flag ignores it. Without a descriptor nothing here holds.
        // SAFETY: the process is our child and was not waited for, so the pid is its.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, ptr::null_mut(), 0);
        }
        let why = "this system gives no descriptors of processes; Linux 5.4 or later is needed";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    // SAFETY: the kernel has stored a new descriptor there, which is nobody else's.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    // SAFETY: the child has written it, if at all, before this thread went on.
    let failed = unsafe { ptr::read_volatile(&raw const plan.error) };
    if failed != 0 {
        super::reaper::reap(pidfd);
        return Err(io::Error::from_raw_os_error(failed));
    }
    Ok((pid.unsigned_abs(), pidfd))
}

/// What the child needs, in plain values.
struct Plan {
    executable: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    control: RawFd,
    stderr: Option<RawFd>,
    /// What failed, if something did.
    error: c_int,
}

/// Runs in the child, on its own stack and in the parent's memory: only system calls, no
/// allocation, no locks, no unwinding.
extern "C" fn in_child(plan: *mut c_void) -> c_int {
    let plan = plan.cast::<Plan>();
    // SAFETY: `spawn` passes its plan and does not touch it meanwhile. Everything called here is a
    // plain system call on valid arguments; descriptors are this process's own copies.
    unsafe {
        let moved = match (*plan).stderr {
            Some(stderr) => libc::dup2(stderr, libc::STDERR_FILENO) >= 0,
            None => true,
        };
        if moved && libc::dup2((*plan).control, CONTROL) >= 0 {
            close_from(CONTROL + 1);
            libc::execve((*plan).executable, (*plan).arguments, (*plan).environment);
        }
        ptr::write_volatile(&raw mut (*plan).error, *libc::__errno_location());
        libc::_exit(127)
    }
}

/// Closes every descriptor from `first` on.
///
/// # Safety
/// Nobody uses them any more in this process.
unsafe fn close_from(first: RawFd) {
    const FEW: libc::rlim_t = 65_536;
    // SAFETY: by contract; the call has no other effect.
    if unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } == 0 {
        return;
    }
    // A kernel older than 5.9, or a filter that does not know the call. Everything that std or this
    // crate opens closes itself at `execve`; this catches what others have opened.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writing, and the descriptors are not used by contract.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        for fd in first..limit.rlim_cur.min(FEW) as RawFd {
            libc::close(fd);
        }
    }
}

fn above_targets(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, CONTROL + 1)?)
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// A stack for the moment between `clone` and `execve`.
struct Stack(Vec<MaybeUninit<u128>>);

impl Stack {
    /// Enough for a few frames, and for the dynamic loader, which may look up a symbol here.
    const BYTES: usize = 64 * 1024;

    fn new() -> Stack {
        Stack(vec![MaybeUninit::uninit(); Stack::BYTES / size_of::<u128>()])
    }

    fn top(&mut self) -> *mut c_void {
        self.0.as_mut_ptr_range().end.cast()
    }
}

/// All signals of this thread are blocked until it is dropped: a handler must not run in a child
/// that shares our memory.
struct BlockedSignals {
    before: libc::sigset_t,
}

impl BlockedSignals {
    fn new() -> BlockedSignals {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: `sigfillset` initialises `all`; the other set is all zeroes, which is the empty
        // set, or what `pthread_sigmask` writes.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            BlockedSignals { before: before.assume_init() }
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the set is the one that was in force.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut())
        };
    }
}
