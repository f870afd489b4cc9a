//! Processes: a pool that a crash cannot break, shared state, and external programs.

mod command;
mod image;
mod manager;
mod memory;
mod pool;
mod process;
mod queue;
mod start;

pub use manager::{
    Full, LockHolder, Managed, ManagedBarrier, ManagedCounter, ManagedEvent, ManagedList,
    ManagedLock, ManagedLockGuard, ManagedMap, ManagedPermit, ManagedQueue, ManagedSemaphore,
    ManagedValue, Manager, ManagerError, ManagerErrorKind, ObjectId,
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
    Command, CommandError, CommandErrorKind, CommandOutput, Descriptor, ExitStatus, InputFrom,
    InputWriter, OutputReader, OutputTo, Pipeline, PipelineOutput, ProcessGroup, ProgramHandle,
    Running, run_command,
};
