//! Where a task panicked: a panic hook that notes the place and then calls the hook before it.
//!
//! `catch_unwind` hands over the payload only. The hook is put in place once, when the first task
//! runs; a hook that the program sets later replaces it, and then errors carry the message alone.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

use manyhands_wait::Interrupt;

use crate::error::TaskError;

/// Runs `f` as a task would: a panic becomes an error with its message and place. A cancellation
/// goes on. For whoever runs functions of others without a [`Task`](crate::Task).
///
/// # Errors
/// If `f` panics.
///
/// ```
/// let error = manyhands_executor::catch_panic(|| panic!("no luck")).unwrap_err();
/// assert_eq!(error.message(), "no luck");
/// assert!(error.location().is_some());
/// ```
pub fn catch_panic<R>(f: impl FnOnce() -> R) -> Result<R, TaskError> {
    catch(f).map_err(|payload| {
        if Interrupt::is(&*payload) {
            resume_unwind(payload);
        }
        TaskError::panicked(payload, take_details())
    })
}

/// Runs `f`, whose panics concern nobody here: the panic hook has reported them, and they go no
/// further. For executors and schedulers that run code of the program's, such as destructors and
/// callbacks, where nothing may unwind through them.
///
/// ```
/// manyhands_executor::contain_panic(|| panic!("is reported, and that is all"));
/// ```
pub fn contain_panic(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        drop_payload(payload);
    }
}

/// Drops what a panic has unwound with. Its destructor is the program's code and may panic as well;
/// what that unwinds with is leaked, because its destructor may do the same, and so on.
pub fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(next);
    }
}

/// What the hook noted.
#[derive(Debug, Default)]
pub(crate) struct PanicDetails {
    pub(crate) location: Option<String>,
    pub(crate) backtrace: Option<String>,
}

thread_local! {
    static TASKS: Cell<u32> = const { Cell::new(0) };
    static NOTED: RefCell<Option<PanicDetails>> = const { RefCell::new(None) };
}

/// Like `catch_unwind`; details of a panic come with [`take_details`].
#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    struct Leave(u32);
    impl Drop for Leave {
        fn drop(&mut self) {
            TASKS.set(self.0);
        }
    }
    if !HOOK.is_completed() {
        install_hook();
    }
    let _leave = Leave(TASKS.with(|tasks| tasks.replace(tasks.get() + 1)));
    catch_unwind(AssertUnwindSafe(f))
}

/// What the hook noted of the panic that was caught last on this thread.
pub(crate) fn take_details() -> Option<PanicDetails> {
    NOTED.with(RefCell::take)
}

/// Says where the panic happened that goes on in this thread from here: no hook is called for it.
pub(crate) fn note(details: PanicDetails) {
    NOTED.with(|noted| noted.replace(Some(details)));
}

static HOOK: Once = Once::new();

#[cold]
fn install_hook() {
    if std::thread::panicking() {
        return; // a hook cannot be set while panicking; the next task does it
    }
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // Storage may be gone when a thread ends; then there is no task to tell either.
            let in_task = TASKS.try_with(|tasks| tasks.get() > 0).unwrap_or(false);
            if in_task {
                let backtrace = Backtrace::capture();
                let details = PanicDetails {
                    location: info.location().map(ToString::to_string),
                    backtrace: (backtrace.status() == BacktraceStatus::Captured)
                        .then(|| backtrace.to_string()),
                };
                let _gone = NOTED.try_with(|noted| noted.replace(Some(details)));
            }
            before(info);
        }));
    });
}
