//! The child's side of a start: from the first instruction to its role.
//!
//! [`BEFORE_MAIN`] is called by the C runtime before `main`, in every process of a program that
//! has this crate in it. If a variable in the environment says that the process is a worker, it is
//! taken over there: the role runs on a thread of its own, while the main thread waits where it is
//! and never comes to `main`. If the parent had called [`init`], the child goes on to `main` and is
//! taken over in `init`.

use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::{StartError, StartErrorKind};
use super::origin::Origin;
use super::role::Role;
use super::ticket::{Door, Ticket, VARIABLE};
use super::{arrival, overflow, signals};
use crate::image::Executable;

/// The exit code of a worker whose parent has gone before it was done.
pub(super) const ORPHANED: i32 = 112;

/// The exit code of a worker that could not begin.
const NOT_STARTED: i32 = 113;

/// Has workers of this program taken over here, at the top of `main`, instead of before `main`.
///
/// In a worker it does not return. Otherwise it returns at once; from then on, workers that
/// this process starts go through `main` as far as here. Call it before anything else: what `main`
/// does before is done in every worker too, with the same arguments as here.
///
/// It is needed only where something must be set up before code of the program runs:
///
/// * statics of C++ libraries, which may not be constructed yet before `main`;
/// * std's message for an overflow of the main thread's stack, and what std sets up beside;
/// * a program whose loader does not run constructors of the executable.
///
/// ```
/// // At the top of `main`:
/// manyhands_processes::init();
/// assert!(!manyhands_processes::in_worker());
/// ```
#[doc(alias = "freeze_support")]
pub fn init() {
    INIT_CALLED.store(true, Ordering::Release);
    if let Some(ticket) = std::env::var_os(VARIABLE) {
        // Nothing was called before `main`, so it is for here to begin.
        take_over(ticket.as_bytes(), Some(Door::Init));
    }
    let arrived = AWAITING_INIT.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(arrived) = arrived {
        arrived.begin();
    }
}

/// Where children of this process are to be taken over.
pub(super) fn door_of_children() -> Door {
    // Whoever starts workers has them taken over: this keeps the function in the program.
    std::hint::black_box(&BEFORE_MAIN);
    if INIT_CALLED.load(Ordering::Acquire) { Door::Init } else { Door::BeforeMain }
}

/// # Errors
/// If this process is itself a worker on its way to `init`: its `main` does something else first,
/// and would start workers that do the same.
pub(super) fn check_may_launch() -> Result<(), StartError> {
    if has_more_rights() {
        return Err(StartError::new(
            StartErrorKind::System,
            "this program runs with more rights than its user has (set-user-id or file \
             capabilities), so its workers could be told anything by anybody: none is started",
        ));
    }
    let awaits_init = AWAITING_INIT.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    // The variable is still there if nothing was called before `main`.
    if awaits_init || std::env::var_os(VARIABLE).is_some() {
        return Err(StartError::new(
            StartErrorKind::InitMissing,
            "this process was started as a worker, and its `main` starts workers before it calls \
             `manyhands_processes::init()`: call that first in `main`",
        ));
    }
    Ok(())
}

/// Whether a process of this program is sure to be taken over before its `main` begins, whether that
/// calls [`init`] or not: this one could have been. That is not so where this code is part of a
/// library that another program has loaded.
pub(crate) fn is_taken_over_before_main() -> bool {
    let this = (before_main as *const ()).addr();
    WAS_CALLED.load(Ordering::Relaxed)
        && Executable::of_this_process().code.iter().any(|segment| segment.contains(&this))
}

/// Whether [`before_main`] was called, by the C runtime.
static WAS_CALLED: AtomicBool = AtomicBool::new(false);

static INIT_CALLED: AtomicBool = AtomicBool::new(false);

/// What waits for `main` to call [`init`].
static AWAITING_INIT: Mutex<Option<Arrived>> = Mutex::new(None);

/// A worker that knows what it is for.
pub(super) struct Arrived {
    pub(super) role: Role,
    pub(super) origin: Origin,
}

impl Arrived {
    /// Says so, and begins.
    fn begin(self) -> ! {
        // A warden is there for this very case.
        if arrival::answer_ready(&self.origin).is_err() && self.role.ends_with_parent() {
            exit_now(ORPHANED);
        }
        self.role.run(self.origin)
    }
}

/// The C runtime calls what stands in this section of the executable before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    if has_more_rights() {
        return;
    }
    WAS_CALLED.store(true, Ordering::Relaxed);
    // SAFETY: the name is a C string, and before `main` nobody changes the environment meanwhile.
    let ticket = unsafe {
        let variable = libc::getenv(c"MANYHANDS_WORKER".as_ptr());
        if variable.is_null() {
            return;
        }
        std::ffi::CStr::from_ptr(variable).to_bytes().to_vec()
    };
    // An unwinding into the C runtime would be undefined.
    if catch_unwind(|| take_over(&ticket, None)).is_err() {
        exit_now(NOT_STARTED);
    }
}

/// Takes over at the door that the ticket says, or at `door`. Returns only if that is [`init`].
fn take_over(ticket: &[u8], door: Option<Door>) {
    // SAFETY: before `main` there is one thread, and `init` is called at the top of it.
    unsafe { std::env::remove_var(VARIABLE) };
    let Some(ticket) = Ticket::parse(ticket).filter(|ticket| is_socket(ticket.control)) else {
        eprintln!(
            "manyhands: the environment variable {VARIABLE} is set, but not by a process that \
             waits for this one: unset it"
        );
        exit_now(NOT_STARTED);
    };
    signals::prepare();
    let arrived = match arrival::arrive(ticket) {
        Ok(arrived) => arrived,
        Err(arrival::Failed::Orphaned) => exit_now(ORPHANED),
        Err(arrival::Failed::Told) => exit_now(NOT_STARTED),
    };
    match door.unwrap_or(ticket.door) {
        Door::Init => {
            *AWAITING_INIT.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
        }
        Door::BeforeMain => {
            let name = arrived.origin.name.replace('\0', "");
            let thread = std::thread::Builder::new().name(name).stack_size(STACK_BYTES);
            let begin = move || {
                overflow::watch_this_thread();
                arrived.begin()
            };
            if let Ok(thread) = thread.spawn(begin) {
                let _ends_the_process = thread.join();
            }
            exit_now(NOT_STARTED);
        }
    }
}

/// What a main thread usually has.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Whether whoever has started the program, and its environment, is not to be trusted.
fn has_more_rights() -> bool {
    // SAFETY: reads what the kernel has told the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

fn is_socket(fd: RawFd) -> bool {
    let mut status = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the buffer is valid for the call, and initialised if that succeeds.
    unsafe {
        libc::fstat(fd, status.as_mut_ptr()) == 0
            && status.assume_init().st_mode & libc::S_IFMT == libc::S_IFSOCK
    }
}

/// Ends the process without running handlers and destructors.
fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}
