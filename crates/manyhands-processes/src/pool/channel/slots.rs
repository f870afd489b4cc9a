//! The table of tasks: what became of each task that was sent to a worker.
//!
//! ```text
//!   READY ──(worker)──> STARTED ──(worker)──> FINISHED
//!     └────(parent)──> REVOKED
//! ```
//!
//! Both first steps are a compare-and-swap on the same word, so a task is either begun or taken
//! back, never both, without a message. The word holds the task's sequence number, so that nothing
//! that was meant for one task hits the next that uses its slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::SLOTS;
use super::region::Region;
use super::ring::Violation;

const STATE: u64 = 0b11;
const READY: u64 = 0;
const STARTED: u64 = 1;
const FINISHED: u64 = 2;
const REVOKED: u64 = 3;
/// The running task is asked to end.
const CANCEL: u64 = 4;
const NUMBER_SHIFT: u32 = 3;

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotState {
    /// Sent, and not begun.
    Ready,
    /// Begun at this time.
    Started { at_ns: u64 },
    /// Its result was written.
    Finished,
    /// Taken back by the parent.
    Revoked,
}

/// The table.
pub(crate) struct Slots {
    region: Arc<Region>,
    first: usize,
}

impl Slots {
    pub(super) fn new(region: Arc<Region>, first: usize) -> Slots {
        Slots { region, first }
    }

    /// Parent: a task is about to be sent. Its slot must not be in use.
    pub(crate) fn prepare(&self, number: u64) {
        let (word, started) = self.slot(number);
        started.store(0, Ordering::Relaxed);
        word.store(number << NUMBER_SHIFT | READY, Ordering::Release);
    }

    /// Parent: takes a task back. `false` if the worker has begun it.
    pub(crate) fn revoke(&self, number: u64) -> bool {
        let ready = number << NUMBER_SHIFT | READY;
        let revoked = number << NUMBER_SHIFT | REVOKED;
        let (word, _) = self.slot(number);
        word.compare_exchange(ready, revoked, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Parent: asks a task that runs to end. `false` if it does not run.
    pub(crate) fn cancel(&self, number: u64) -> bool {
        let started = number << NUMBER_SHIFT | STARTED;
        let (word, _) = self.slot(number);
        word.compare_exchange(started, started | CANCEL, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Parent: what became of a task.
    ///
    /// # Errors
    /// [`Violation`] if the slot holds something else.
    pub(crate) fn state(&self, number: u64) -> Result<SlotState, Violation> {
        let (word, started) = self.slot(number);
        let word = word.load(Ordering::Acquire);
        if word >> NUMBER_SHIFT != number {
            return Err(Violation("a slot holds another task than the one that was put there"));
        }
        Ok(match word & STATE {
            READY => SlotState::Ready,
            STARTED => SlotState::Started { at_ns: started.load(Ordering::Relaxed) },
            FINISHED => SlotState::Finished,
            _ => SlotState::Revoked,
        })
    }

    /// Worker: begins a task. `false` if it was taken back.
    pub(crate) fn start(&self, number: u64, now_ns: u64) -> bool {
        let ready = number << NUMBER_SHIFT | READY;
        let (word, started) = self.slot(number);
        started.store(now_ns, Ordering::Relaxed);
        word.compare_exchange(
            ready,
            number << NUMBER_SHIFT | STARTED,
            Ordering::AcqRel,
            Ordering::Acquire,
        )
        .is_ok()
    }

    /// Worker: the result was written.
    pub(crate) fn finish(&self, number: u64) {
        self.slot(number).0.store(number << NUMBER_SHIFT | FINISHED, Ordering::Release);
    }

    /// Worker: whether the running task is asked to end.
    pub(crate) fn is_cancelled(&self, number: u64) -> bool {
        self.slot(number).0.load(Ordering::Acquire) == (number << NUMBER_SHIFT | STARTED | CANCEL)
    }

    fn slot(&self, number: u64) -> (&AtomicU64, &AtomicU64) {
        let index = self.first + 2 * (number as usize & (SLOTS - 1));
        let words = self.region.words();
        (&words[index], &words[index + 1])
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::sync::atomic::AtomicBool;

    use super::super::layout::Channel;
    use super::*;

    fn two_views() -> (Slots, Slots) {
        let (parent, fd) = Channel::create().unwrap();
        let worker = Channel::open(fd.as_fd()).unwrap();
        (parent.slots(), worker.slots())
    }

    #[test]
    fn a_task_is_begun_or_taken_back_never_both() {
        let (parent, worker) = two_views();
        let ahead = AtomicU64::new(0);
        let (begun, taken_back) = std::thread::scope(|scope| {
            let begun = scope.spawn(|| {
                let mut begun = Vec::new();
                for number in 1..=20_000 {
                    while ahead.load(Ordering::Acquire) < number {
                        std::hint::spin_loop();
                    }
                    if worker.start(number, number) {
                        begun.push(number);
                    }
                }
                begun
            });
            let mut taken_back = Vec::new();
            for number in 1..=20_000 {
                parent.prepare(number);
                ahead.store(number, Ordering::Release);
                if parent.revoke(number) {
                    taken_back.push(number);
                }
                while matches!(parent.state(number).unwrap(), SlotState::Ready) {}
            }
            (begun.join().unwrap(), taken_back)
        });
        let mut all: Vec<u64> = begun.iter().chain(&taken_back).copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(1..=20_000));
    }

    #[test]
    fn a_cancellation_hits_the_running_task_and_no_other() {
        let (parent, worker) = two_views();
        parent.prepare(7);
        assert!(!parent.cancel(7), "it does not run yet");
        assert!(worker.start(7, 99));
        assert_eq!(parent.state(7), Ok(SlotState::Started { at_ns: 99 }));
        assert!(parent.cancel(7) && worker.is_cancelled(7));
        worker.finish(7);
        assert!(!parent.cancel(7));
        let next = 7 + SLOTS as u64;
        parent.prepare(next);
        assert!(worker.start(next, 100));
        assert!(!parent.cancel(7) && !worker.is_cancelled(next));
    }

    #[test]
    fn a_slot_with_something_else_in_it_is_noticed() {
        let (parent, worker) = two_views();
        parent.prepare(3);
        worker.finish(3 + SLOTS as u64); // a worker that has lost its mind
        assert!(parent.state(3).is_err());
        let finished = AtomicBool::new(parent.revoke(3));
        assert!(!finished.into_inner());
    }
}
