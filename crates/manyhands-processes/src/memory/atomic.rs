//! Atomics that several processes share.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::MemoryError;
use super::cells::Cells;
use super::mapping::Atomic;

/// An atomic integer that lives in memory of several processes; [`SharedAtomicU64`],
/// [`SharedAtomicI64`] and [`SharedAtomicUsize`] are its names.
///
/// It dereferences to the atomic of the standard library, so it has all of its operations, and they
/// cost what they cost there. Clones are the same integer, and so is what another process
/// receives: send it as a part of an argument or a result of a task, to a process, or through a pipe.
///
/// A process that is killed between two operations leaves the integer as the last one left it; there
/// is nothing that could stay locked.
///
/// Each takes a file descriptor and a page of memory in every process that has it. For many numbers
/// there is [`SharedArray`](crate::SharedArray).
///
/// ```
/// use std::sync::atomic::Ordering;
///
/// use manyhands_processes::SharedAtomicU64;
///
/// let hits = SharedAtomicU64::new(40)?;
/// hits.clone().fetch_add(2, Ordering::Relaxed);
/// assert_eq!(hits.load(Ordering::Relaxed), 42);
/// # Ok::<(), manyhands_processes::MemoryError>(())
/// ```
#[doc(alias = "multiprocessing.Value")]
pub struct SharedAtomic<A: AtomicInteger> {
    cells: Arc<Cells>,
    of: PhantomData<fn() -> A>,
}

/// An `AtomicU64` that several processes share.
pub type SharedAtomicU64 = SharedAtomic<AtomicU64>;
/// An `AtomicI64` that several processes share.
pub type SharedAtomicI64 = SharedAtomic<AtomicI64>;
/// An `AtomicUsize` that several processes share.
pub type SharedAtomicUsize = SharedAtomic<AtomicUsize>;

/// The atomics that [`SharedAtomic`] can be; no others can become one.
#[expect(private_bounds, reason = "only atomics that are known here")]
pub trait AtomicInteger: Atomic + fmt::Debug + Send + Sync + 'static {
    /// The integer that it holds.
    type Value;

    #[doc(hidden)]
    fn set(&self, value: Self::Value);
}

macro_rules! integers {
    ($($atomic:ty: $value:ty),+) => {$(
        impl AtomicInteger for $atomic {
            type Value = $value;

            fn set(&self, value: $value) {
                self.store(value, Ordering::Release);
            }
        }
    )+};
}

integers!(AtomicU64: u64, AtomicI64: i64, AtomicUsize: usize);

impl<A: AtomicInteger> SharedAtomic<A> {
    /// A shared integer that begins with this value.
    ///
    /// # Errors
    /// If there is no memory or descriptor for it.
    pub fn new(value: A::Value) -> Result<SharedAtomic<A>, MemoryError> {
        let cells = Cells::create("manyhands-atomic", size_of::<A>())?;
        let atomic: SharedAtomic<A> = SharedAtomic { cells, of: PhantomData };
        atomic.set(value);
        Ok(atomic)
    }
}

impl<A: AtomicInteger> Deref for SharedAtomic<A> {
    type Target = A;

    fn deref(&self) -> &A {
        self.cells.mapping().atomic(0).expect("the memory was found to be as long as the integer")
    }
}

impl<A: AtomicInteger> Clone for SharedAtomic<A> {
    fn clone(&self) -> SharedAtomic<A> {
        SharedAtomic { cells: Arc::clone(&self.cells), of: PhantomData }
    }
}

impl<A: AtomicInteger> fmt::Debug for SharedAtomic<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<A: AtomicInteger> Serialize for SharedAtomic<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells.serialize(std::any::type_name::<Self>(), serializer)
    }
}

impl<'de, A: AtomicInteger> Deserialize<'de> for SharedAtomic<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fits = |length| length == size_of::<A>();
        let cells = Cells::deserialize(std::any::type_name::<Self>(), fits, deserializer)?;
        Ok(SharedAtomic { cells, of: PhantomData })
    }
}

/// An atomic flag that several processes share; like [`SharedAtomic`], with the operations of
/// `AtomicBool`.
///
/// ```
/// use std::sync::atomic::Ordering;
///
/// use manyhands_processes::SharedAtomicBool;
///
/// let stop = SharedAtomicBool::new(false)?;
/// assert!(!stop.clone().swap(true, Ordering::AcqRel));
/// assert!(stop.load(Ordering::Acquire));
/// # Ok::<(), manyhands_processes::MemoryError>(())
/// ```
#[derive(Clone)]
pub struct SharedAtomicBool {
    /// Not an `AtomicBool`: another process could write what is no `bool`.
    cells: Arc<Cells>,
}

impl SharedAtomicBool {
    /// A shared flag that begins with this value.
    ///
    /// # Errors
    /// If there is no memory or descriptor for it.
    pub fn new(value: bool) -> Result<SharedAtomicBool, MemoryError> {
        let flag = SharedAtomicBool { cells: Cells::create("manyhands-atomic", 1)? };
        flag.store(value, Ordering::Release);
        Ok(flag)
    }

    /// The value.
    ///
    /// # Panics
    /// As `AtomicBool::load`, with an ordering that a load cannot have.
    pub fn load(&self, order: Ordering) -> bool {
        self.byte().load(order) != 0
    }

    /// Sets the value.
    ///
    /// # Panics
    /// As `AtomicBool::store`, with an ordering that a store cannot have.
    pub fn store(&self, value: bool, order: Ordering) {
        self.byte().store(value.into(), order);
    }

    /// Sets the value and returns the one before.
    pub fn swap(&self, value: bool, order: Ordering) -> bool {
        self.byte().swap(value.into(), order) != 0
    }

    /// Sets the value to `new` if it is `current`.
    ///
    /// # Errors
    /// The value, if it is another.
    ///
    /// # Panics
    /// As `AtomicBool::compare_exchange`, with orderings that it cannot have.
    pub fn compare_exchange(
        &self,
        current: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        let byte = self.byte();
        byte.compare_exchange(current.into(), new.into(), success, failure)
            .map(|before| before != 0)
            .map_err(|before| before != 0)
    }

    /// Sets the value to whether it and `value` are true; returns the one before.
    pub fn fetch_and(&self, value: bool, order: Ordering) -> bool {
        self.byte().fetch_and(value.into(), order) != 0
    }

    /// Sets the value to whether it or `value` is true; returns the one before.
    pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        self.byte().fetch_or(value.into(), order) != 0
    }

    /// Sets the value to whether it differs from `value`; returns the one before.
    pub fn fetch_xor(&self, value: bool, order: Ordering) -> bool {
        self.byte().fetch_xor(value.into(), order) != 0
    }

    /// Turns the value round; returns the one before.
    pub fn fetch_not(&self, order: Ordering) -> bool {
        self.fetch_xor(true, order)
    }

    fn byte(&self) -> &AtomicU8 {
        self.cells.mapping().atomic(0).expect("the memory was found to be as long as the flag")
    }
}

impl fmt::Debug for SharedAtomicBool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Ordering::Relaxed).fmt(f)
    }
}

impl Serialize for SharedAtomicBool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells.serialize("SharedAtomicBool", serializer)
    }
}

impl<'de> Deserialize<'de> for SharedAtomicBool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = Cells::deserialize("SharedAtomicBool", |length| length == 1, deserializer)?;
        Ok(SharedAtomicBool { cells })
    }
}
