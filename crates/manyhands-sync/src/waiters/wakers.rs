//! Wakers that are to be called once a lock has been released.

use std::collections::VecDeque;
use std::task::Waker;

/// Calls its wakers, in order, when it is dropped. If one of them panics the others are called all
/// the same.
#[derive(Default)]
pub(super) struct Wakers {
    /// Nearly always the only one, so that nothing is allocated.
    first: Option<Waker>,
    #[allow(
        clippy::box_collection,
        reason = "nearly nothing to make and to drop if nobody is woken"
    )]
    rest: Option<Box<VecDeque<Waker>>>,
}

impl Wakers {
    pub(super) const fn new() -> Wakers {
        Wakers { first: None, rest: None }
    }

    pub(super) fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.rest.get_or_insert_default().push_back(waker);
        }
    }

    fn wake(&mut self) {
        if let Some(first) = self.first.take() {
            first.wake();
        }
        while let Some(next) = self.rest.as_mut().and_then(|rest| rest.pop_front()) {
            next.wake();
        }
    }
}

impl Drop for Wakers {
    #[inline]
    fn drop(&mut self) {
        if self.first.is_some() {
            self.wake_all();
        }
    }
}

impl Wakers {
    #[cold]
    fn wake_all(&mut self) {
        /// Goes on where a panic has interrupted.
        struct GoOn<'a>(&'a mut Wakers);
        impl Drop for GoOn<'_> {
            fn drop(&mut self) {
                self.0.wake();
            }
        }
        GoOn(self).0.wake();
    }
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
