//! One executor interface: jobs, tasks, `map`, `as_completed`, groups, and their errors.
//!
//! An [`Executor`] runs [`Job`]s. What a program sees is a [`Task`], the handle of one submitted
//! call: [`ExecutorExt::submit`] makes one from a plain function on any executor,
//! [`InProcess::spawn`] from a closure where memory is shared. Tasks of all executors mix in
//! [`as_completed`], [`wait_all`] and groups.
//!
//! Job and task are two ends of one allocation; its state machine is described in
//! `src/task/README.md`.

mod as_completed;
mod chunk;
mod completions;
mod dispatched;
mod entry;
mod error;
mod executor;
mod group;
mod home;
mod job;
mod job_queue;
mod map;
mod options;
mod panic_capture;
mod primitive;
mod remote;
mod retry;
mod scope;
mod sequential;
mod submit;
mod surroundings;
mod task;
mod tasks_edge;
mod wait_many;
mod watch;
mod work;
mod worker_death;
mod workforce;

pub use as_completed::{
    AsCompleted, AsCompletedTimeout, Unfinished, as_completed, as_completed_timeout,
};
pub use dispatched::{Callbacks, Dispatched};
pub use entry::{Entry, Portable, encode_failure};
pub use error::{TaskError, TaskErrorKind};
pub use executor::{Executor, Rejected, RejectedReason, Shutdown};
pub use group::Group;
pub use home::{Awaited, Home};
pub use job::Job;
pub use job_queue::JobQueue;
pub use map::{Map, MapOptions};
pub use options::TaskOptions;
pub use panic_capture::{catch_panic, contain_panic, drop_payload};
pub use remote::Remote;
pub use retry::RetryPolicy;
pub use scope::{Scope, ScopedTask, scope};
pub use sequential::Sequential;
pub use submit::{ExecutorExt, InProcess, RetryingSubmitter, Submitter};
pub use surroundings::{Plain, Surroundings};
pub use task::{AsTask, Cancellation, Outcome, Task, TaskHandle};
pub use wait_many::{
    Waited, wait_all, wait_all_timeout, wait_any, wait_any_timeout, wait_first_error,
    wait_first_error_timeout,
};
pub use worker_death::WorkerDeath;
pub use workforce::Workforce;

/// What must not compile.
#[cfg(doctest)]
#[doc = include_str!("../tests/does_not_compile.md")]
mod does_not_compile {}
