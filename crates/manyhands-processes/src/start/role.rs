//! What a process does once it is taken over.

use serde::{Deserialize, Serialize};

use super::origin::Origin;

/// What a process was started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// To run the tasks of a pool.
    PoolWorker,
    /// To run one function.
    Process,
    /// To end programs when its parent has ended.
    Warden,
}

impl Role {
    /// Whether it ends with its parent. One that does not gets the parent's pidfd before the
    /// descriptors of its role.
    pub(super) fn ends_with_parent(self) -> bool {
        self != Role::Warden
    }

    /// Does it, and ends the process.
    pub(super) fn run(self, origin: Origin) -> ! {
        match self {
            Role::PoolWorker => crate::pool::worker::run(origin),
            Role::Process => crate::process::child::run(origin),
            Role::Warden => crate::warden::live(origin),
        }
    }
}
