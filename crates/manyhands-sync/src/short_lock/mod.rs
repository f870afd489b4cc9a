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
//!
//! Where coroutines of one thread pass something on to each other through the same primitive, the
//! exchange is most of what that costs. Such a lock is [favoured](ShortLock::favour) to their thread,
//! which takes it with plain stores from then on, until another thread comes. `README.md` in this
//! folder has the protocol.

use std::ops::{Deref, DerefMut};

mod fence;
#[cfg_attr(not(manyhands_loom), allow(unreachable_pub, reason = "models are made of it"))]
mod word;

use imp::Held;
pub(crate) use imp::ShortLock;
#[cfg(manyhands_loom)]
pub use word::{How, Word};

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

    use std::cell::{Cell, UnsafeCell};
    use std::ptr;

    use super::word::{How, Word};

    /// A value, and a word that says which thread may use it.
    pub(crate) struct ShortLock<T> {
        word: Word,
        value: UnsafeCell<T>,
    }

    // SAFETY: only the thread that has the lock reaches the value, one after the other.
    unsafe impl<T: Send> Sync for ShortLock<T> {}

    /// The lock is taken.
    pub(super) struct Held<'a, T> {
        lock: &'a ShortLock<T>,
        how: How,
    }

    impl<T> ShortLock<T> {
        /// An open lock over `value`.
        pub(crate) const fn new(value: T) -> ShortLock<T> {
            ShortLock { word: Word::new(), value: UnsafeCell::new(value) }
        }

        #[inline]
        pub(super) fn acquire(&self) -> Held<'_, T> {
            let (me, has_favoured) = this_thread();
            let how = match self.word.try_take(me, has_favoured) {
                Some(how) => how,
                None => self.word.take_slowly(me),
            };
            Held { lock: self, how }
        }

        #[inline]
        pub(super) fn try_acquire(&self) -> Option<Held<'_, T>> {
            let (me, has_favoured) = this_thread();
            let how =
                self.word.try_take(me, has_favoured).or_else(|| self.word.try_take_away(me))?;
            Some(Held { lock: self, how })
        }

        /// Says that coroutines of this thread pass something on to each other by what is guarded.
        /// After some turns the lock becomes this thread's. It must not be held here.
        #[inline]
        pub(crate) fn favour(&self) {
            let (me, _) = this_thread();
            if self.word.is_open_to_favour() && self.word.favour(me) {
                PLACE.with(|has_favoured| has_favoured.set(1));
            }
        }
    }

    #[cfg(test)]
    impl<T> ShortLock<T> {
        /// Whether this thread takes it as its favourite.
        pub(super) fn is_favoured_here(&self) -> bool {
            self.word.is_favoured_to(this_thread().0)
        }
    }

    impl<T> Held<'_, T> {
        #[inline]
        pub(super) fn get(&self) -> &T {
            // SAFETY: we have the lock, and the reference lasts no longer than `self`.
            unsafe { &*self.lock.value.get() }
        }

        #[inline]
        pub(super) fn get_mut(&mut self) -> &mut T {
            // SAFETY: we have the lock, and `self` is borrowed exclusively as long.
            unsafe { &mut *self.lock.value.get() }
        }
    }

    impl<T> Drop for Held<'_, T> {
        #[inline]
        fn drop(&mut self) {
            self.lock.word.give_back(self.how);
        }
    }

    std::thread_local! {
        /// Its address is the thread's number; it is not 0 once a lock was favoured to the thread.
        static PLACE: Cell<u32> = const { Cell::new(0) };
    }

    /// A number that no other thread has that is alive, even and never 0; and whether there may be locks
    /// that are favoured to it. Others need not ask, which would be one more access to a word that
    /// comes from another core.
    #[inline]
    fn this_thread() -> (usize, bool) {
        PLACE.with(|place| (ptr::from_ref(place).addr(), place.get() != 0))
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

        pub(crate) fn favour(&self) {}

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
    use std::time::{Duration, Instant};

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

    /// Favours `lock` to this thread, as turns of coroutines would; false if the kernel has no fence for
    /// that.
    fn favour(lock: &ShortLock<u64>) -> bool {
        let begun = Instant::now();
        while !lock.is_favoured_here() && begun.elapsed() < Duration::from_secs(20) {
            lock.favour();
            std::thread::yield_now();
        }
        lock.is_favoured_here()
    }

    #[test]
    fn one_at_a_time_also_while_a_favour_is_taken_away() {
        const EACH: u64 = 2_000;
        for round in 0..200 {
            let lock = ShortLock::new(0);
            if !favour(&lock) {
                return;
            }
            let count = || (0..EACH).for_each(|_| *lock.lock() += 1);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    (0..round * 50).for_each(|_| std::hint::spin_loop());
                    count();
                });
                count();
            });
            assert_eq!(*lock.lock(), 2 * EACH);
            assert!(!lock.is_favoured_here(), "somebody else has come");
            lock.favour();
            assert!(!lock.is_favoured_here(), "once in its life");
        }
    }

    #[test]
    fn taking_a_favoured_one_twice_is_told_and_a_panic_opens_it() {
        let lock = ShortLock::new(0);
        if !favour(&lock) {
            return;
        }
        let twice = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock();
            drop(lock.lock());
        }));
        assert!(twice.is_err());
        assert!(lock.try_lock().is_some() && lock.is_favoured_here());
        let held = lock.lock();
        let seen = std::thread::scope(|scope| scope.spawn(|| lock.try_lock().is_some()).join());
        assert!(!seen.expect("it did not panic"), "it is held");
        drop(held);
        let seen = std::thread::scope(|scope| scope.spawn(|| lock.try_lock().is_some()).join());
        assert!(seen.expect("it did not panic"), "it is free");
        assert!(!lock.is_favoured_here() && lock.try_lock().is_some());
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
