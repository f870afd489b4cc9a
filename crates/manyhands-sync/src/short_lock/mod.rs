//! The lock around a primitive's own state, for critical sections of some nanoseconds.
//!
//! Taking it is one atomic exchange, giving it back a plain store. That is half of what a lock with
//! sleepers costs, which has to ask at every release whether somebody sleeps. The price: whoever
//! finds it taken spins, then gives the core away, and then sleeps for short fixed times until the
//! holder, which has lost its core inside, has got it back. Nothing longer than moving a few words
//! may be done under it, except comparisons where a primitive says so.
//!
//! The word is the thread that has the lock. So foreign code under it that comes back to the same
//! primitive (a comparison that uses its own queue, or suspends its coroutine) is told so, where it
//! would hang otherwise.

use std::ops::{Deref, DerefMut};

use imp::Held;
pub(crate) use imp::ShortLock;

/// Access to what a [`ShortLock`] guards; releases it when it is dropped, unwinding too.
pub(crate) struct ShortGuard<'a, T> {
    held: Held<'a, T>,
}

impl<T> ShortLock<T> {
    /// Takes the lock.
    ///
    /// # Panics
    /// If this thread has it already.
    #[inline]
    pub(crate) fn lock(&self) -> ShortGuard<'_, T> {
        ShortGuard { held: self.acquire() }
    }

    /// Takes the lock if nobody has it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<ShortGuard<'_, T>> {
        self.try_acquire().map(|held| ShortGuard { held })
    }
}

impl<T> Deref for ShortGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.held.get()
    }
}

impl<T> DerefMut for ShortGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.held.get_mut()
    }
}

#[cfg(not(manyhands_loom))]
mod imp {
    //! The lock itself.

    use std::cell::UnsafeCell;
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Rounds of the pause instruction, each twice as long as the one before: 2 µs in all.
    const PAUSES: u32 = 7;
    /// Rounds of giving the core away.
    const YIELDS: u32 = 100;
    /// How long to sleep then, time and again: whoever has the lock needs a core, which giving ours
    /// away does not get it if we are of a higher priority.
    const NAP: Duration = Duration::from_micros(50);

    const FREE: usize = 0;

    /// A value, and a word that says which thread may use it.
    pub(crate) struct ShortLock<T> {
        holder: AtomicUsize,
        value: UnsafeCell<T>,
    }

    // SAFETY: only the thread that has the lock reaches the value, one after the other.
    unsafe impl<T: Send> Sync for ShortLock<T> {}

    /// The lock is taken.
    pub(super) struct Held<'a, T>(&'a ShortLock<T>);

    impl<T> ShortLock<T> {
        /// An open lock over `value`.
        pub(crate) const fn new(value: T) -> ShortLock<T> {
            ShortLock { holder: AtomicUsize::new(FREE), value: UnsafeCell::new(value) }
        }

        #[inline]
        pub(super) fn acquire(&self) -> Held<'_, T> {
            if !self.try_take() {
                self.acquire_slowly();
            }
            Held(self)
        }

        #[inline]
        pub(super) fn try_acquire(&self) -> Option<Held<'_, T>> {
            self.try_take().then_some(Held(self))
        }

        #[inline]
        fn try_take(&self) -> bool {
            // Acquire pairs with the Release of `Held::drop`.
            let me = this_thread();
            self.holder.compare_exchange(FREE, me, Ordering::Acquire, Ordering::Relaxed).is_ok()
        }

        #[cold]
        fn acquire_slowly(&self) {
            assert_ne!(
                self.holder.load(Ordering::Relaxed),
                this_thread(),
                "a queue or lock was used from inside of its own critical section: a comparison of \
                 a PriorityQueue, or the clone of a waker, must neither use what it is called from \
                 nor wait"
            );
            for round in 0u32.. {
                match round {
                    0..PAUSES => (0..1 << round).for_each(|_| std::hint::spin_loop()),
                    PAUSES..YIELDS => std::thread::yield_now(),
                    _ => std::thread::sleep(NAP),
                }
                // Looked at first, because an attempt takes the word away from its holder.
                if self.holder.load(Ordering::Relaxed) == FREE && self.try_take() {
                    return;
                }
            }
        }
    }

    impl<T> Held<'_, T> {
        #[inline]
        pub(super) fn get(&self) -> &T {
            // SAFETY: we have the lock, and the reference lasts no longer than `self`.
            unsafe { &*self.0.value.get() }
        }

        #[inline]
        pub(super) fn get_mut(&mut self) -> &mut T {
            // SAFETY: we have the lock, and `self` is borrowed exclusively as long.
            unsafe { &mut *self.0.value.get() }
        }
    }

    impl<T> Drop for Held<'_, T> {
        #[inline]
        fn drop(&mut self) {
            self.0.holder.store(FREE, Ordering::Release);
        }
    }

    /// A number that no other thread has that is alive; never 0.
    #[inline]
    fn this_thread() -> usize {
        std::thread_local! { static PLACE: u8 = const { 0 }; }
        PLACE.with(|place| ptr::from_ref(place).addr())
    }
}

#[cfg(manyhands_loom)]
mod imp {
    //! What the models use: a lock that spins would have them explore each round.

    use loom::sync::{Mutex, MutexGuard};

    pub(crate) struct ShortLock<T>(Mutex<T>);

    pub(super) struct Held<'a, T>(MutexGuard<'a, T>);

    impl<T> ShortLock<T> {
        pub(crate) fn new(value: T) -> ShortLock<T> {
            ShortLock(Mutex::new(value))
        }

        pub(super) fn acquire(&self) -> Held<'_, T> {
            Held(self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
        }

        pub(super) fn try_acquire(&self) -> Option<Held<'_, T>> {
            self.0.try_lock().ok().map(Held)
        }
    }

    impl<T> Held<'_, T> {
        pub(super) fn get(&self) -> &T {
            &self.0
        }

        pub(super) fn get_mut(&mut self) -> &mut T {
            &mut self.0
        }
    }
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_is_lost() {
        let lock = ShortLock::new((0u64, 0u64));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        let mut guard = lock.lock();
                        let (one, two) = &mut *guard;
                        *one += 1;
                        *two += 2;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), (200_000, 400_000));
    }

    #[test]
    fn taking_it_twice_is_told() {
        let lock = ShortLock::new(());
        let held = lock.lock();
        let again = catch_unwind(AssertUnwindSafe(|| drop(lock.lock())));
        let message = again.expect_err("it is taken");
        assert!(message.downcast_ref::<&str>().is_some() || message.is::<String>());
        drop(held);
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn a_panic_inside_opens_it() {
        let lock = ShortLock::new(());
        let inside = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock();
            panic!("inside");
        }));
        assert!(inside.is_err() && lock.try_lock().is_some());
    }
}
