//! What reads bytes of other processes, for the fuzzers in `fuzz/`: each function takes any bytes and
//! panics if something happens that must not. Only in builds of `cargo fuzz`, which sets the
//! configuration `fuzzing`.

pub use crate::manager::fuzzing::manager_requests;
pub use crate::pool::fuzzing::{channel_frames, ring_positions};
pub use crate::start::fuzzing::{handshake_child, handshake_parent};
