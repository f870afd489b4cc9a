//! Memory between processes: large payloads, data that all workers read, atomics and arrays that
//! all write, pipes.
//!
//! The protocols, their invariants and what was rejected are in `README.md` beside this file.

mod array;
mod atomic;
pub(crate) mod attachments;
pub(crate) mod beside;
mod bulk_read;
mod bytes;
mod cells;
mod error;
mod frozen;
pub(crate) mod mapping;
pub(crate) mod memfd;
pub(crate) mod message;
mod pipe;
pub(crate) mod registry;
pub(crate) mod segment;
mod shared;

pub use array::SharedArray;
pub use atomic::{
    AtomicInteger, SharedAtomic, SharedAtomicBool, SharedAtomicI64, SharedAtomicU64,
    SharedAtomicUsize,
};
pub use bytes::Bytes;
pub use error::MemoryError;
pub use pipe::{Pipe, PipeError};
pub use shared::{Shareable, Shared, SharedBytes};
