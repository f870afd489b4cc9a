//! The waker that the code of a tracked task sees: the runtime's, behind a count of its clones.
//!
//! The count is made when the waker is first cloned, or first wakes: a task that is ready at once, as
//! many are, needs none. Until then the task's code sees a waker that makes it (`FIRST_TABLE`).

use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// The waker of a task, with the count. It belongs to one waker of the runtime.
pub(super) struct OwnWaker {
    counted: Arc<Counted>,
    /// Points to `counted`, without a share in it.
    waker: ManuallyDrop<Waker>,
}

/// What a task's code sees in a poll if there is no [`OwnWaker`] yet.
pub(super) struct FirstWaker<'a> {
    /// Where that is put.
    place: &'a OnceLock<OwnWaker>,
    runtime: &'a Waker,
}

struct Counted {
    runtime: Waker,
    /// The task's own waker and all clones of it.
    wakers: AtomicUsize,
    /// Of how many wakers at most the task would show its wait: it is woken when no more are left. 0 if it
    /// would not.
    shows_with: AtomicUsize,
    /// Whether the task was woken since its last poll began: it is polled again, whatever it waits for.
    was_woken: AtomicBool,
}

impl Counted {
    fn wake(&self) {
        self.was_woken.store(true, Ordering::SeqCst);
        self.runtime.wake_by_ref();
    }

    /// One waker less; true if the task is to be woken for that.
    fn remove(&self) -> bool {
        let left = self.wakers.fetch_sub(1, Ordering::SeqCst) - 1;
        left != 0
            && self.shows_with.compare_exchange(left, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl OwnWaker {
    pub(super) fn new(runtime: &Waker) -> OwnWaker {
        let counted = Arc::new(Counted {
            runtime: runtime.clone(),
            wakers: AtomicUsize::new(1),
            shows_with: AtomicUsize::new(0),
            was_woken: AtomicBool::new(false),
        });
        // SAFETY: `data` is from an `Arc`, as all functions of the table expect, which lives for as long
        // as this waker does, beside it. It is never dropped, so it needs no share.
        let waker = unsafe { Waker::from_raw(RawWaker::new(Arc::as_ptr(&counted).cast(), &TABLE)) };
        OwnWaker { counted, waker: ManuallyDrop::new(waker) }
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

    /// Whether there are no clones but those of so many leaves. If there are, the task is woken as soon as
    /// they are gone: a clone that has just woken the task may still be about to be dropped.
    pub(super) fn has_only_clones_of(&self, leaves: usize) -> bool {
        // Before the count is looked at: whoever drops a clone after that sees this.
        self.counted.shows_with.store(1 + leaves, Ordering::SeqCst);
        let are_all = self.clones() == leaves;
        if are_all {
            self.counted.shows_with.store(0, Ordering::Relaxed);
        }
        are_all
    }

    /// Whether the task was woken since its poll began. To be asked after the clones were counted: a
    /// waker says so before it is one less.
    pub(super) fn was_woken(&self) -> bool {
        self.counted.was_woken.load(Ordering::SeqCst)
    }

    /// The task is awake: whatever is dropped is not worth a wake-up, and who has woken it so far is
    /// heard.
    pub(super) fn begin_poll(&self) {
        self.counted.shows_with.store(0, Ordering::Relaxed);
        self.counted.was_woken.swap(false, Ordering::SeqCst);
    }
}

impl<'a> FirstWaker<'a> {
    /// For a poll with this waker of the runtime. When a count is needed it is put in `place`.
    pub(super) fn new(place: &'a OnceLock<OwnWaker>, runtime: &'a Waker) -> FirstWaker<'a> {
        FirstWaker { place, runtime }
    }

    /// Calls `f` with the waker.
    pub(super) fn with<R>(&self, f: impl FnOnce(&Waker) -> R) -> R {
        // SAFETY: it points to `self`, as all functions of the table expect, and is borrowed by `f`, for
        // no longer than this call. Nobody owns it who could drop it or wake by value. What it points
        // to may be used by many threads: a `OnceLock` of what may be, and a `Waker`.
        let waker =
            unsafe { Waker::from_raw(RawWaker::new(ptr::from_ref(self).cast(), &FIRST_TABLE)) };
        f(&ManuallyDrop::new(waker))
    }

    fn own(&self) -> &OwnWaker {
        self.place.get_or_init(|| OwnWaker::new(self.runtime))
    }
}

/// Whether both are wakers of one task in one poll.
pub(super) fn is_same(own: &Waker, other: &Waker) -> bool {
    // A clone of the first one is a waker with a count.
    let may_be_clone = ptr::eq(own.vtable(), &FIRST_TABLE) && ptr::eq(other.vtable(), &TABLE);
    own.will_wake(other) || may_be_clone && own.clone().will_wake(other)
}

static FIRST_TABLE: RawWakerVTable =
    RawWakerVTable::new(clone_first, wake_first, wake_first, |_borrowed| ());

/// # Safety
/// `data` must be from a [`FirstWaker`] that lives.
unsafe fn clone_first(data: *const ()) -> RawWaker {
    // SAFETY: by contract.
    let first = unsafe { &*data.cast::<FirstWaker<'_>>() };
    let clone = ManuallyDrop::new(first.own().waker().clone());
    RawWaker::new(clone.data(), clone.vtable())
}

/// # Safety
/// As for `clone_first`.
unsafe fn wake_first(data: *const ()) {
    // SAFETY: by contract.
    let first = unsafe { &*data.cast::<FirstWaker<'_>>() };
    first.own().counted.wake();
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
    fn the_count_is_made_for_the_first_clone() {
        let woken = Arc::new(Woken::default());
        let runtime = Waker::from(Arc::clone(&woken));
        let place = OnceLock::new();
        let clone = FirstWaker::new(&place, &runtime).with(|first| {
            assert!(is_same(first, first) && !is_same(first, &runtime) && place.get().is_none());
            first.clone()
        });
        let own = place.get().expect("it was cloned");
        assert_eq!((own.clones(), own.was_woken()), (1, false));
        FirstWaker::new(&place, &runtime).with(|first| {
            assert!(is_same(first, &clone));
            first.wake_by_ref();
        });
        assert!(own.was_woken() && own.waker().will_wake(&clone));
        drop(clone);
        assert_eq!((own.clones(), woken.0.load(Ordering::Relaxed)), (0, 1));
        drop((place, runtime));
        assert_eq!(Arc::strong_count(&woken), 1);
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
        assert!(!own.has_only_clones_of(1));
        drop(one);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        drop(two);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(own.has_only_clones_of(1));
        drop(three);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }
}
