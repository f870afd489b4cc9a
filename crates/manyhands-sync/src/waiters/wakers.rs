//! Wakers that are to be called once a lock has been released.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::task::Waker;

/// Calls its wakers, in order, when it is dropped. If one of them panics the others are called all
/// the same.
pub(super) struct Wakers {
    /// Nearly always the only one, so that nothing is allocated.
    first: Option<Waker>,
    /// Empty if there is no first. So whoever wakes nobody, which is nearly everybody, has that to ask
    /// alone.
    rest: ManuallyDrop<VecDeque<Waker>>,
}

impl Wakers {
    #[inline]
    pub(super) const fn new() -> Wakers {
        Wakers { first: None, rest: ManuallyDrop::new(VecDeque::new()) }
    }

    pub(super) fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.rest.push_back(waker);
        }
    }
}

impl Drop for Wakers {
    #[inline]
    fn drop(&mut self) {
        if let Some(first) = self.first.take() {
            if self.rest.is_empty() {
                return first.wake();
            }
            wake_all(first, std::mem::take(&mut self.rest));
        }
    }
}

#[cold]
fn wake_all(first: Waker, mut rest: VecDeque<Waker>) {
    /// Goes on where a panic has interrupted.
    struct GoOn(VecDeque<Waker>);
    impl GoOn {
        fn wake(&mut self) {
            while let Some(next) = self.0.pop_front() {
                next.wake();
            }
        }
    }
    impl Drop for GoOn {
        fn drop(&mut self) {
            self.wake();
        }
    }
    rest.push_front(first);
    GoOn(rest).wake();
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex};
    use std::task::Wake;

    use super::*;

    struct Noting(u32, Arc<Mutex<Vec<u32>>>);

    impl Wake for Noting {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
            assert_ne!(self.0, 1, "the second waker panics");
        }
    }

    #[test]
    fn all_are_called_in_order_even_if_one_panics() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let mut wakers = Wakers::new();
        for number in 0..4 {
            wakers.push(Arc::new(Noting(number, Arc::clone(&called))).into());
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(wakers)));
        assert!(dropped.is_err());
        assert_eq!(*called.lock().unwrap(), [0, 1, 2, 3]);
    }
}
