//! Wakers that are to be called once a lock has been released.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// Calls its wakers, in order, when it is dropped. If some of them panic the others are called all
/// the same, and the first panic goes on, unless the thread unwinds already.
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
            if self.rest.is_empty() && !std::thread::panicking() {
                return first.wake();
            }
            wake_all(first, std::mem::take(&mut self.rest));
        }
    }
}

#[cold]
fn wake_all(first: Waker, rest: VecDeque<Waker>) {
    let mut panic = None;
    for waker in std::iter::once(first).chain(rest) {
        let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        match (&panic, woken) {
            (None, Err(first)) => panic = Some(first),
            // Dropping what it has unwound with could panic, too.
            (Some(_), Err(another)) => std::mem::forget(another),
            (_, Ok(())) => {}
        }
    }
    // A second unwinding would end the process.
    if let Some(panic) = panic
        && !std::thread::panicking()
    {
        resume_unwind(panic);
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
            assert!(!matches!(self.0, 1 | 2), "waker {} panics", self.0);
        }
    }

    #[test]
    fn all_are_called_in_order_even_if_some_panic() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let mut wakers = Wakers::new();
        for number in 0..4 {
            wakers.push(Arc::new(Noting(number, Arc::clone(&called))).into());
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(wakers)));
        let panic = dropped.expect_err("a waker has panicked");
        assert_eq!(panic.downcast_ref::<String>().expect("a message"), "waker 1 panics");
        assert_eq!(*called.lock().unwrap(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_panic_of_a_waker_does_not_meet_another() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let mut wakers = Wakers::new();
        wakers.push(Arc::new(Noting(1, Arc::clone(&called))).into());
        let unwinds = catch_unwind(AssertUnwindSafe(|| {
            let _wakers = wakers;
            panic!("before");
        }));
        let panic = unwinds.expect_err("it panicked");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"before"));
        assert_eq!(*called.lock().unwrap(), [1]);
    }
}
