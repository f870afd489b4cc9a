//! Where a process comes from: its lines to the one that started it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

/// What a child has of its parent. Both sockets block, and are closed in programs it starts.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The role's own line.
    pub(crate) control: UnixStream,
    /// The descriptors that came with it.
    pub(crate) fds: Vec<OwnedFd>,
    /// The data that came with it.
    pub(crate) payload: Vec<u8>,
    pub(crate) name: String,
}

/// The line for requests to the parent; the same for the whole process.
static SERVICE: OnceLock<UnixStream> = OnceLock::new();

/// How deep this process is; 0 if nobody has started it through this crate.
static DEPTH: OnceLock<u32> = OnceLock::new();

/// In a child: the line for requests to the parent, on which only one may read.
pub(crate) fn origin_service() -> Option<&'static UnixStream> {
    SERVICE.get()
}

/// Whether this process was started as a worker of another process of this program.
pub fn in_worker() -> bool {
    depth() > 0
}

/// How many processes have started one another up to this one.
pub(super) fn depth() -> u32 {
    DEPTH.get().copied().unwrap_or(0)
}

/// Said once, when the process is taken over.
pub(super) fn set(depth: u32, service: UnixStream) {
    let _only_once = DEPTH.set(depth);
    let _only_once = SERVICE.set(service);
}
