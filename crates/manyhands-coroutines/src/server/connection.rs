//! One connection from its acceptance to the end of its handler.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use manyhands_executor::{InProcess, Job, RejectedReason, TaskOptions};
use manyhands_wait::Interrupt;

use super::control::Control;

/// Counts a connection as long as it is under way, wherever its job ends up.
struct Presence {
    control: Arc<Control>,
    id: u64,
    has_begun: bool,
}

impl Drop for Presence {
    fn drop(&mut self) {
        if !self.has_begun {
            let counts = &self.control.counts;
            let count =
                if self.control.is_cutting_off() { &counts.cut_off } else { &counts.refused };
            count.fetch_add(1, Ordering::AcqRel);
        }
        self.control.end(self.id);
    }
}

/// Has `handle` run by `executor`, as connection number `id`.
///
/// # Errors
/// Why the executor did not take it.
pub(super) fn hand_over(
    executor: &(impl InProcess + ?Sized),
    control: &Arc<Control>,
    id: u64,
    handle: impl FnOnce() + Send + 'static,
) -> Result<(), RejectedReason> {
    control.begin();
    let mut presence = Presence { control: Arc::clone(control), id, has_begun: false };
    let (task, job) = Job::of(TaskOptions::new(), move || {
        presence.has_begun = true;
        // The connection goes with the handler, before it is counted as ended.
        let ended = catch_unwind(AssertUnwindSafe(handle));
        let Err(payload) = ended else { return };
        let counts = &presence.control.counts;
        if Interrupt::is(&*payload) {
            counts.cut_off.fetch_add(1, Ordering::AcqRel);
            drop(presence);
            // The cancellation is the task's.
            resume_unwind(payload);
        }
        // The panic hook has told what happened.
        counts.panicked.fetch_add(1, Ordering::AcqRel);
    });
    // Before it can run, or its end would come before its beginning.
    control.remember(id, task.handle());
    executor.execute(job).map_err(|rejected| rejected.reason().clone())
}
