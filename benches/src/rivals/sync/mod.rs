//! The rivals of the suite `sync`: what a lock and a queue are there, and one file for each library.

pub(crate) mod async_channel;
pub(crate) mod async_lock;
pub(crate) mod crossbeam_channel;
pub(crate) mod detecting;
pub(crate) mod flume;
pub(crate) mod parking_lot;
pub(crate) mod python;
pub(crate) mod std_sync;
pub(crate) mod tokio_sync;
pub(crate) mod tokio_turns;
pub(crate) mod tracing_mutex;

/// A lock around a number.
pub(crate) trait Lock: Send + Sync {
    /// A lock around 0.
    fn new() -> Self;

    /// Takes the lock, adds one, and releases it.
    fn add_one(&self);

    /// The number.
    fn total(self) -> u64;
}

/// A lock around a number that several may read at the same time.
pub(crate) trait SharedLock: Send + Sync {
    /// A lock around this number.
    fn new(number: u64) -> Self;

    /// Takes the lock for reading, reads, and releases it.
    fn read(&self) -> u64;
}

/// A lock around a number that its holder may take again.
pub(crate) trait NestedLock: Send + Sync {
    /// A lock around 0.
    fn new() -> Self;

    /// Takes the lock and takes it once more, adds one, and releases it twice.
    fn add_one_within(&self);

    /// The number.
    fn total(self) -> u64;
}

/// Says how the guard of a lock is taken, which makes it a [`Lock`].
macro_rules! is_lock {
    ($lock:ty, $it:ident => $guard:expr) => {
        impl $crate::rivals::sync::Lock for $lock {
            fn new() -> Self {
                <$lock>::new(0)
            }

            fn add_one(&self) {
                let $it = self;
                *$guard += 1;
            }

            fn total(self) -> u64 {
                let $it = &self;
                *$guard
            }
        }
    };
}

/// Says how the guard of a reader is taken, which makes a lock a [`SharedLock`].
macro_rules! is_shared_lock {
    ($lock:ty, $it:ident => $guard:expr) => {
        impl $crate::rivals::sync::SharedLock for $lock {
            fn new(number: u64) -> Self {
                <$lock>::new(number)
            }

            fn read(&self) -> u64 {
                let $it = self;
                *$guard
            }
        }
    };
}

/// Makes a lock with `lock()`, around a `Cell`, a [`NestedLock`].
macro_rules! is_nested_lock {
    ($lock:ty) => {
        impl $crate::rivals::sync::NestedLock for $lock {
            fn new() -> Self {
                <$lock>::new(Cell::new(0))
            }

            fn add_one_within(&self) {
                let _outer = self.lock();
                let inner = self.lock();
                inner.set(inner.get() + 1);
            }

            fn total(self) -> u64 {
                self.into_inner().get()
            }
        }
    };
}

pub(crate) use {is_lock, is_nested_lock, is_shared_lock};

/// A queue of numbers between threads, or rather its two ends.
pub(crate) trait Pipe {
    /// Where numbers are put.
    type In: Clone + Send;
    /// Where they come out.
    type Out: Send;

    /// A queue with room for so many, or for any number.
    fn open(room: Option<usize>) -> (Self::In, Self::Out);

    /// Puts a number, and waits for room if there is none. False if there is no other end any more.
    fn put(end: &mut Self::In, number: u64) -> bool;

    /// Waits for a number. None if nobody can put one any more.
    fn get(end: &mut Self::Out) -> Option<u64>;
}
