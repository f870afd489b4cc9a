//! The waker that the code of a tracked task sees: the runtime's, behind a count of its clones.

use std::sync::Arc;
use std::task::{Wake, Waker};

/// The waker of a task, with the count.
pub(super) struct OwnWaker {
    counted: Arc<CountedWaker>,
    waker: Waker,
}

struct CountedWaker {
    runtime: Waker,
}

impl Wake for CountedWaker {
    fn wake(self: Arc<Self>) {
        self.runtime.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.runtime.wake_by_ref();
    }
}

impl OwnWaker {
    pub(super) fn new(runtime: &Waker) -> OwnWaker {
        let counted = Arc::new(CountedWaker { runtime: runtime.clone() });
        OwnWaker { waker: Waker::from(Arc::clone(&counted)), counted }
    }

    /// Whether it wakes what `runtime` wakes.
    pub(super) fn is_for(&self, runtime: &Waker) -> bool {
        self.counted.runtime.will_wake(runtime)
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    pub(super) fn runtime(&self) -> &Waker {
        &self.counted.runtime
    }

    /// How many clones of it others have. May be too high by those that are being dropped, never too
    /// low: a clone is made from one that is counted.
    pub(super) fn clones(&self) -> usize {
        Arc::strong_count(&self.counted) - 2
    }
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_clone_that_somebody_has_counts() {
        let own = OwnWaker::new(Waker::noop());
        assert_eq!(own.clones(), 0);
        let one = own.waker().clone();
        let two = one.clone();
        assert_eq!(own.clones(), 2);
        two.wake();
        assert_eq!(own.clones(), 1);
        one.wake_by_ref();
        assert_eq!(own.clones(), 1);
        drop(one);
        assert_eq!(own.clones(), 0);
    }
}
