//! The waker that the code of a tracked task sees: the runtime's, behind a count of its clones.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// The waker of a task, with the count.
pub(super) struct OwnWaker {
    counted: Arc<Counted>,
    waker: Waker,
}

struct Counted {
    runtime: Waker,
    /// The task's own waker and all clones of it.
    wakers: AtomicUsize,
    /// Whether the task would show its wait if only one clone were out: it is woken when that is so.
    wants_to_show: AtomicBool,
    /// Whether the task was woken since its last poll began: it is polled again, whatever it waits for.
    was_woken: AtomicBool,
}

/// The task's own waker and that of the leaf it waits for.
const OWN_AND_LEAF: usize = 2;

impl Counted {
    fn wake(&self) {
        self.was_woken.store(true, Ordering::SeqCst);
        self.runtime.wake_by_ref();
    }

    /// One waker less; true if the task is to be woken for that.
    fn remove(&self) -> bool {
        self.wakers.fetch_sub(1, Ordering::SeqCst) == OWN_AND_LEAF + 1
            && self.wants_to_show.swap(false, Ordering::SeqCst)
    }
}

impl OwnWaker {
    pub(super) fn new(runtime: &Waker) -> OwnWaker {
        let counted = Arc::new(Counted {
            runtime: runtime.clone(),
            wakers: AtomicUsize::new(1),
            wants_to_show: AtomicBool::new(false),
            was_woken: AtomicBool::new(false),
        });
        let data = Arc::into_raw(Arc::clone(&counted));
        // SAFETY: `data` is from an `Arc` of its own, as all functions of the table expect.
        let waker = unsafe { Waker::from_raw(RawWaker::new(data.cast(), &TABLE)) };
        OwnWaker { waker, counted }
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
        self.counted.wakers.load(Ordering::SeqCst) - 1
    }

    /// Whether the clone of a leaf is the only one. If not, the task is woken as soon as it is: a clone
    /// that has just woken the task may still be about to be dropped.
    pub(super) fn has_one_clone(&self) -> bool {
        // Before the count is looked at: whoever drops a clone after that sees this.
        self.counted.wants_to_show.store(true, Ordering::SeqCst);
        let is_one = self.clones() == OWN_AND_LEAF - 1;
        if is_one {
            self.counted.wants_to_show.store(false, Ordering::Relaxed);
        }
        is_one
    }

    /// Whether the task was woken since its poll began. To be asked after the clones were counted: a
    /// waker says so before it is one less.
    pub(super) fn was_woken(&self) -> bool {
        self.counted.was_woken.load(Ordering::SeqCst)
    }

    /// The task is awake: whatever is dropped is not worth a wake-up, and who has woken it so far is
    /// heard.
    pub(super) fn begin_poll(&self) {
        self.counted.wants_to_show.store(false, Ordering::Relaxed);
        self.counted.was_woken.swap(false, Ordering::SeqCst);
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// # Safety
/// `data` must be from `Arc::<Counted>::into_raw`, of an `Arc` that lives on.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: by contract; not dropped, because it belongs to the waker that is cloned.
    let counted = ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Counted>()) });
    counted.wakers.fetch_add(1, Ordering::Relaxed);
    RawWaker::new(Arc::into_raw(Arc::clone(&counted)).cast(), &TABLE)
}

/// # Safety
/// As for `clone`; the `Arc` is taken.
unsafe fn wake(data: *const ()) {
    // SAFETY: by contract.
    let counted = unsafe { Arc::from_raw(data.cast::<Counted>()) };
    // Before the count goes down: whoever finds one clone left is to see that it was woken.
    counted.was_woken.store(true, Ordering::SeqCst);
    // Before it is woken, because the task may be polled before this returns, and counts then.
    counted.remove();
    counted.runtime.wake_by_ref();
}

/// # Safety
/// As for `clone`.
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: by contract; the waker that it belongs to is borrowed.
    unsafe { &*data.cast::<Counted>() }.wake();
}

/// # Safety
/// As for `clone`; the `Arc` is taken.
unsafe fn drop_waker(data: *const ()) {
    // SAFETY: by contract.
    let counted = unsafe { Arc::from_raw(data.cast::<Counted>()) };
    if counted.remove() {
        counted.runtime.wake_by_ref();
    }
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_clone_that_somebody_has_counts() {
        let woken = Arc::new(Woken::default());
        let own = OwnWaker::new(&Waker::from(Arc::clone(&woken)));
        assert_eq!(own.clones(), 0);
        let one = own.waker().clone();
        let two = one.clone();
        assert_eq!(own.clones(), 2);
        assert!(two.will_wake(own.waker()));
        two.wake();
        assert_eq!(own.clones(), 1);
        one.wake_by_ref();
        assert_eq!(own.clones(), 1);
        drop(one);
        assert_eq!((own.clones(), woken.0.load(Ordering::Relaxed)), (0, 2));
        drop(own);
        assert_eq!(Arc::strong_count(&woken), 1);
    }

    #[test]
    fn who_wants_to_show_its_wait_is_woken_when_one_clone_is_left() {
        let woken = Arc::new(Woken::default());
        let own = OwnWaker::new(&Waker::from(Arc::clone(&woken)));
        let clones: [Waker; 3] = std::array::from_fn(|_| own.waker().clone());
        let [one, two, three] = clones;
        assert!(!own.has_one_clone());
        drop(one);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        drop(two);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(own.has_one_clone());
        drop(three);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }
}
