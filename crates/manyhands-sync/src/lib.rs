//! Locks, events and queues that threads, coroutines and async tasks share, and whose waits end.
//!
//! Each primitive is written once, as a future. Its plain methods wait through
//! [`manyhands_wait::Wait`], which parks a thread and suspends a coroutine; its `_async` methods are
//! the future itself. What a context waits for is an edge in the wait-for graph, so a wait that can
//! be proven never to end is reported instead of hanging.
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
