//! Locks, events and queues that threads, coroutines and async tasks share, and whose waits end.
//!
//! | for | take |
//! |---|---|
//! | a value that one at a time may use | [`Mutex`]; [`ReentrantMutex`] if its holder may take it again |
//! | a value that many may read, and one may change | [`RwLock`] |
//! | so many at a time, whatever they do | [`Semaphore`] |
//! | waiting until something has happened | [`Event`], once and for all; [`Condvar`], until a value is as it should be |
//! | waiting until all have come | [`Barrier`] |
//! | passing values on | [`Queue`], [`LifoQueue`], [`PriorityQueue`]; [`Channel`], which has no room |
//!
//! Everything that waits has four forms: `get` waits, on a thread or in a coroutine; `try_get` does
//! not; `get_timeout` waits for so long at most; `get_async` is for async code. All of them may be
//! used on one object at the same time. Waits end early if their task is cancelled or its deadline
//! passes, and nothing is lost by that. What was made with a name (`named`) has it in reports.
//!
//! ```
//! use manyhands_sync::{Mutex, Queue, QueueShutdown};
//!
//! let words = Queue::new(8);
//! let letters = Mutex::new(0);
//! std::thread::scope(|scope| {
//!     for _ in 0..2 {
//!         scope.spawn(|| words.iter().for_each(|word: &str| *letters.lock() += word.len()));
//!     }
//!     for word in ["many", "hands", "make", "light", "work"] {
//!         words.put(word)?;
//!     }
//!     words.shutdown(QueueShutdown::Drain); // who gets goes on to the end
//!     Ok::<_, manyhands_sync::Closed<_>>(())
//! })?;
//! assert_eq!(letters.into_inner(), 22);
//! # Ok::<_, manyhands_sync::Closed<&str>>(())
//! ```
//!
//! # Deadlocks
//!
//! What a context waits for is an edge in the wait-for graph. Where those who wait for each other can
//! be proven never to go on, one of them is told: `lock`, `read`, `write` and `acquire` panic with a
//! [`Deadlock`](manyhands_wait::Deadlock), their `_checked` forms return it. What anybody may end (an
//! event, a notification, an item) is listed by [`dump`](manyhands_wait::dump()) and never called a
//! deadlock. Locks that are taken in either order are reported before they meet, if that is [looked
//! at](set_lock_order_checks).
//!
//! # Inside
//!
//! Each primitive is written once, as a future. Its plain methods wait through
//! [`Wait`](manyhands_wait::Wait), which parks a thread and suspends a coroutine; its `_async` methods
//! are the future itself.
//!
//! The protocols (states, invariants, rejected designs) are in the `README.md` of each folder.
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "places are kept as pointers, in atomics")]
mod holders;
mod order;
mod owner;
mod patience;
mod poison;
mod primitive;
mod spin;
mod statistics;
mod wandering;

#[allow(unsafe_code, reason = "a lock guards what it guards")]
mod short_lock;

#[allow(unsafe_code, reason = "waiting futures are linked where they lie, without allocation")]
mod waiters;

// Locks.
#[allow(unsafe_code, reason = "the lock is what makes the access to the value exclusive")]
mod mutex;
#[allow(unsafe_code, reason = "the lock is what makes the access to the value exclusive")]
mod reentrant;
#[allow(unsafe_code, reason = "the lock is what makes the access to the value exclusive")]
mod rwlock;

// Semaphores and signals.
mod barrier;
mod condvar;
mod event;
mod semaphore;
mod signal;

// Queues.
mod channel;
mod queue;

/// For the models alone.
#[cfg(manyhands_loom)]
#[doc(hidden)]
pub use short_lock::{How as ShortLockTaken, Word as ShortLockWord};

pub use barrier::{Barrier, BarrierError, BarrierErrorKind, BarrierWaitResult};
pub use channel::Channel;
pub use condvar::Condvar;
pub use event::Event;
pub use mutex::{AsyncMutexGuard, MappedMutexGuard, Mutex, MutexGuard};
pub use order::{LockOrderInversion, LockOrderStep, is_lock_order_checked, set_lock_order_checks};
pub use queue::{
    Closed, Fifo, GetError, Iter as QueueIter, Lifo, LifoQueue, Order, OrderedQueue, Prioritized,
    PriorityQueue, PutError, Queue, QueueShutdown, QueueStatistics, SmallestFirst, TaskDoneError,
};
pub use reentrant::{MappedReentrantMutexGuard, ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{
    AsyncRwLockReadGuard, AsyncRwLockWriteGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard,
    RwLock, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{
    AsyncPermit, OverRelease, OwnedPermit, Permit, Semaphore, SemaphoreStatistics,
};
pub use statistics::LockStatistics;
