//! Processes: a pool that a crash cannot break, shared state, and external programs.
//!
//! What runs in a process of its own has its own memory and its own end: whatever becomes of it, an
//! abort, a fault, the kernel's killer of those that take too much memory, nothing else is harmed.
//!
//! ```
//! use manyhands_executor::{ExecutorExt, TaskErrorKind};
//! use manyhands_processes::ProcessPool;
//!
//! fn square(n: u64) -> u64 {
//!     n * n
//! }
//!
//! fn fatal(_: ()) {
//!     std::process::abort();
//! }
//!
//! let pool = ProcessPool::new(2)?;
//! let lost = pool.submit(fatal, ());
//! let squares: Result<Vec<u64>, _> = pool.map(square, 1..=4).collect();
//! assert_eq!(squares.unwrap(), [1, 4, 9, 16]); // the neighbours are unharmed
//! assert_eq!(lost.result().unwrap_err().kind(), TaskErrorKind::WorkerDied);
//! # Ok::<(), manyhands_processes::PoolBuildError>(())
//! ```
//!
//! # What there is
//!
//! | | |
//! |---|---|
//! | [`ProcessPool`] | the executor `processes[:N]`: worker processes that are replaced when they die; what a worker was doing fails, with how it died, and nothing else does |
//! | [`Process`] | one function in a process of its own: `join`, `terminate`, `kill`, daemons |
//! | [`Manager`] | objects that live in one process and are used from others: lists, maps, counters, locks, semaphores, and anything with [`Managed::call`] |
//! | [`Queue`], [`Pipe`] | values from process to process |
//! | [`Shared`], [`SharedAtomic`], [`SharedArray`] | memory that several processes see |
//! | [`Bytes`] | large payloads, which go through shared memory and not through the codec |
//! | [`Command`] | external programs: input, output, pipelines, time limits that end the whole group |
//!
//! All waits go through `manyhands-wait`: from a thread, a coroutine or an async task, cancellable and
//! within the deadline that is in force.
//!
//! # How a worker comes to be
//!
//! A worker is **this very program, started again**. It is taken over before `main` begins, so `main`
//! needs nothing special; a program in which something has to happen first (statics of C++, above all)
//! calls [`init`] at the top of `main` instead. A task is a plain function or a closure that captures
//! nothing, and goes over as its place in the program; argument and result go over as bytes, so their
//! types have to implement serde's traits. What the parent's variables hold stays with the parent.
//!
//! Linux only.

mod bell;
mod command;
mod exit_status;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod image;
mod manager;
mod memory;
mod pool;
mod process;
mod queue;
mod spawn;
mod start;
mod warden;

pub use exit_status::ExitStatus;
pub use manager::{
    Full, LockSituation, LockUser, Managed, ManagedBarrier, ManagedCounter, ManagedEvent,
    ManagedList, ManagedLock, ManagedLockGuard, ManagedLockOwnedGuard, ManagedMap,
    ManagedOwnedPermit, ManagedPermit, ManagedQueue, ManagedSemaphore, ManagedValue, Manager,
    ManagerError, ManagerErrorKind, ObjectId, managed_locks,
};
pub use memory::{
    AtomicInteger, Bytes, MemoryError, Pipe, PipeError, Shareable, Shared, SharedArray,
    SharedAtomic, SharedAtomicBool, SharedAtomicI64, SharedAtomicU64, SharedAtomicUsize,
    SharedBytes,
};
pub use pool::{PoolBuildError, ProcessPool, ProcessPoolBuilder, ProcessPoolStatistics};
pub use process::{ActiveChild, Process, ProcessBuilder, active_children};
pub use queue::Queue;
pub use start::{StartError, StartErrorKind, in_worker, init, set_executable};
// External programs.
pub use command::{
    Command, CommandError, CommandErrorKind, CommandOutput, Descriptor, InputFrom, InputWriter,
    OutputReader, OutputTo, Pipeline, PipelineOutput, ProcessGroup, ProgramHandle, Running,
    run_command,
};
