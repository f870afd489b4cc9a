//! The executor's side of tasks that were sent away: who is told that one of them is to end, and who
//! knows whether it has begun.
//!
//! A task that was [dispatched](crate::Job::dispatch) is somewhere else; its own state word says no
//! more than that. The number of its [home](crate::Home) leads to its executor. So sending a task
//! away costs nothing for the case that it is cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use manyhands_wait::{Agent, Blockers};

use crate::home::Home;

/// An executor that sends jobs away. Its methods may be called from anywhere, also for tasks that
/// it does not have, and must not block.
pub trait Remote: Send + Sync {
    /// The task of this number, which was dispatched, has been asked to end.
    fn cancel(&self, task: u64);

    /// Whether the code of the task of this number, which was dispatched, has begun.
    fn is_started(&self, task: u64) -> bool;

    /// As which context of this process's wait-for graph the code of that task waits, if it waits for
    /// something that this process knows of.
    fn runs_as(&self, task: u64) -> Option<Agent> {
        let _unknown = task;
        None
    }

    /// Names whom one waits for who waits for the end of that task, which was dispatched: as whom its code
    /// [waits](Self::runs_as), if it has begun; otherwise those of whom one has to come free first. Asked
    /// while a wait is looked at, so it must not wait, nor take a lock under which anybody wakes or asks
    /// for its own context.
    fn blockers(&self, task: u64, blockers: &mut Blockers) {
        match self.runs_as(task) {
            Some(agent) => blockers.any_of(agent),
            None => blockers.may_end(),
        }
    }
}

impl Home {
    /// Says whose home it is: that of an executor that sends jobs away, which is told of
    /// cancellations from now on, as long as it lives. Nobody [works](Home::work) for such a home in
    /// this process.
    pub fn set_remote(self, remote: Weak<dyn Remote>) {
        let mut remotes = remotes();
        remotes.retain(|_, remote| remote.strong_count() > 0);
        remotes.insert(self.number(), remote);
    }
}

/// The executor of this home, if it sends jobs away.
pub(crate) fn remote_of(home: u32) -> Option<Arc<dyn Remote>> {
    remotes().get(&home)?.upgrade()
}

fn remotes() -> MutexGuard<'static, HashMap<u32, Weak<dyn Remote>>> {
    static REMOTES: OnceLock<Mutex<HashMap<u32, Weak<dyn Remote>>>> = OnceLock::new();
    REMOTES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}
