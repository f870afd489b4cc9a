//! Who asks for something that one has until one gives it back: a lock, a permit.

use std::panic::Location;

use manyhands_wait::Agent;
use serde::{Deserialize, Serialize};

use super::lock::LockUser;
use crate::pool::current_errand;

/// Who asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) who: LockUser,
    /// Whether nobody else can give back what it gets.
    pub(super) is_bound: bool,
    /// The bits of its agent in its own process.
    pub(super) agent: u64,
    /// Whether it will leave when a time has come.
    pub(super) may_leave: bool,
    /// The task of a pool of the process with this number whose code asks.
    pub(super) task: Option<(u32, u64)>,
}

impl Ask {
    /// By the caller, with whom what it gets stays.
    #[track_caller]
    pub(super) fn here(may_leave: bool) -> Ask {
        let who = LockUser::here(Location::caller());
        let (agent, task) = (Agent::current().to_bits(), current_errand());
        Ask { who, is_bound: true, agent, may_leave, task }
    }

    /// By async code, which goes from thread to thread.
    pub(super) fn somewhere(place: &'static Location<'static>) -> Ask {
        let who = LockUser::here(place);
        Ask { who, is_bound: false, agent: 0, may_leave: true, task: None }
    }

    /// The task of a pool of this process whose code asks.
    pub(super) fn task_here(&self) -> Option<u64> {
        self.task.filter(|(process, _)| *process == std::process::id()).map(|(_, task)| task)
    }
}
