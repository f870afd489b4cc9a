//! One executor interface for threads, coroutines, processes, async tasks and clusters — and
//! nothing hangs silently.
//!
//! This crate is the one that programs name; its features are the rooms: `threads`, `coroutines`,
//! `async` and `processes`, and `sync` with locks and queues (all on by default), and `http`. Clusters and
//! traces are not built yet.
//!
//! ```
//! use manyhands::{AnyExecutor, ExecutorExt};
//!
//! fn square(n: u64) -> u64 {
//!     n * n
//! }
//!
//! for model in ["sequential", "threads:4", "coroutines", "async:4", "processes:2"] {
//!     let executor: AnyExecutor = model.parse().unwrap();
//!     let squares: Result<Vec<u64>, _> = executor.map(square, 1..=4).collect();
//!     assert_eq!(squares.unwrap(), [1, 4, 9, 16]);
//! }
//! ```
//!
//! What is waited for, and by whom, is known: [`dump`] lists all of it. Those who wait for each other so
//! that none can ever go on are told, with a [`Deadlock`] as the error or the panic of one of them; what
//! merely looks like it is a [`Report`] to whoever [listens](on_report).
//!
//! ```
//! # #[cfg(feature = "sync")] {
//! use manyhands::sync::Mutex;
//!
//! let fork = Mutex::named("fork", ());
//! let _held = fork.lock();
//! let deadlock = fork.lock_checked().unwrap_err();
//! println!("{deadlock}"); // who, which lock, waiting where, held since where
//! # }
//! ```
#![forbid(unsafe_code)]

mod any_executor;
mod model;

pub use any_executor::AnyExecutor;
#[cfg(feature = "async")]
pub use manyhands_async::{
    AsyncPool, BuildError as AsyncPoolBuildError, Statistics as AsyncPoolStatistics, spawn_async,
};
#[cfg(feature = "coroutines")]
pub use manyhands_coroutines::{
    BuildError as CoroutinePoolBuildError, CoroutinePool, CoroutinePoolBuilder,
    Statistics as CoroutinePoolStatistics, spawn_local, yield_now,
};
pub use manyhands_executor::*;
pub use manyhands_io::{wait, wait_deadline, wait_for, wait_timeout};
#[cfg(feature = "processes")]
pub use manyhands_processes::{
    Bytes, Command, CommandError, CommandOutput, Manager, Pipe,
    PoolBuildError as ProcessPoolBuildError, Process, ProcessBuilder, ProcessPool,
    ProcessPoolBuilder, ProcessPoolStatistics, Shared, SharedBytes, active_children, in_worker,
    init, run_command,
};
#[cfg(feature = "threads")]
pub use manyhands_threads::{
    BuildError as ThreadPoolBuildError, CurrentThread, Statistics as ThreadPoolStatistics, Thread,
    ThreadBuilder, ThreadPool, ThreadPoolBuilder, active_count, blocking, default_workers,
    enumerate, exit,
};
pub use manyhands_wait::{
    Agent, CancelToken, Cancelled, Context, ContextDump, ContextKind, Deadlock, Dump, Holder,
    HolderEnded, Parker, Participant, Place, Quiet, QuietWatch, Reason, Report, ReportListener,
    Suspicion, TimedOut, WaitDump, check_cancelled, current_deadline, dump, dump_on_sigquit,
    is_cancelled, is_deadlock_detection_on, on_report, report_when_quiet, set_deadlock_detection,
    sleep, timeout, with_cancel_token, with_parker,
};
pub use model::{Model, UnknownModel};

/// Room for coroutines: everything about them, networking and servers in blocking style, stacks.
#[cfg(feature = "coroutines")]
pub mod coroutines {
    pub use manyhands_coroutines::*;
}

/// Room for processes: everything about them, shared memory, managers, external programs.
#[cfg(feature = "processes")]
pub mod processes {
    pub use manyhands_processes::*;
}

/// Locks, events and queues that threads, coroutines and async tasks share, and whose deadlocks are errors:
/// [`Mutex`](sync::Mutex), [`ReentrantMutex`](sync::ReentrantMutex), [`RwLock`](sync::RwLock),
/// [`Semaphore`](sync::Semaphore), [`Event`](sync::Event), [`Condvar`](sync::Condvar),
/// [`Barrier`](sync::Barrier), [`Queue`](sync::Queue), [`LifoQueue`](sync::LifoQueue),
/// [`PriorityQueue`](sync::PriorityQueue), [`Channel`](sync::Channel). The front page of [`manyhands_sync`]
/// says which is for what.
#[cfg(feature = "sync")]
pub mod sync {
    pub use manyhands_sync::*;
}

/// Room for HTTP: a session that works from threads and async code alike.
#[cfg(feature = "http")]
pub mod http {
    pub use manyhands_http::*;
}

/// Python's names for threads, locks, queues, processes, pools, futures, coroutines and HTTP, and what they
/// are called here.
#[cfg(all(
    doc,
    feature = "threads",
    feature = "async",
    feature = "coroutines",
    feature = "processes",
    feature = "sync",
    feature = "http"
))]
#[doc = include_str!("../docs/coming-from-python.md")]
pub mod coming_from_python {}

/// Compiles and runs the code of the repository's README.
#[cfg(all(
    doctest,
    feature = "threads",
    feature = "async",
    feature = "coroutines",
    feature = "processes",
    feature = "sync",
    feature = "http"
))]
#[doc = include_str!("../../../README.md")]
struct Readme;
