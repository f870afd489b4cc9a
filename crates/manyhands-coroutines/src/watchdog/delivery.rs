//! Where reports go.

use std::sync::{Arc, PoisonError, RwLock};

use manyhands_executor::contain_panic;

use super::Report;

type Callback = Arc<dyn Fn(&Report) + Send + Sync>;

static CALLBACK: RwLock<Option<Callback>> = RwLock::new(None);

/// Has reports given to `callback` from now on, instead of being written to standard error.
///
/// It is called on the watchdog's thread: while it runs, nobody is watched. A panic in it ends the
/// call and nothing else. It may call every function of this module.
///
/// ```
/// use manyhands_coroutines::watchdog;
///
/// watchdog::on_report(|report| {
///     if !report.has_ended() {
///         eprintln!("{} is slow: {:?}", report.name().unwrap_or("somebody"), report.held_for());
///     }
/// });
/// # watchdog::report_to_stderr();
/// ```
pub fn on_report(callback: impl Fn(&Report) + Send + Sync + 'static) {
    set(Some(Arc::new(callback)));
}

/// Has reports written to standard error again, as they are from the start.
pub fn report_to_stderr() {
    set(None);
}

fn set(callback: Option<Callback>) {
    let before = {
        let mut place = CALLBACK.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, callback)
    };
    // The program's code, perhaps, and so not under the lock.
    drop(before);
}

/// Hands a report over.
pub(super) fn deliver(report: &Report) {
    let callback = CALLBACK.read().unwrap_or_else(PoisonError::into_inner).clone();
    match callback {
        Some(callback) => contain_panic(|| callback(report)),
        None => write(&format!("\nwatchdog: {report}\n")),
    }
}

/// In one piece, and not through the standard library's lock, which the coroutine may hold.
fn write(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the bytes are those of `rest`.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written..],
            // Nobody listens.
            _ => return,
        }
    }
}
