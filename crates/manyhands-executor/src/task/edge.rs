//! A task as the wait-for graph sees it: whom somebody waits for who waits for its end.
//!
//! | phase | the wait goes on only if |
//! |---|---|
//! | queued | one of those who work for its [home](crate::Home) comes free; unknown without a [`Workforce`](crate::Workforce) |
//! | running | the context that runs its code goes on, which is known while that waits itself |
//! | running, sent away | the context over there goes on, or one comes free that could begin it, if its executor knows |
//! | finished | the context that runs its callbacks goes on, which is known while one of them waits |
//! | done | – it has ended already |
//!
//! Nobody writes down who runs a task when it begins: that would cost every task something, and a
//! context that does not wait blocks nobody for good. A context that is about to wait tells the tasks
//! on its stack ([`LayerTask::set_waiting`](manyhands_wait::LayerTask::set_waiting)), before the graph
//! can see its wait.

use std::fmt;
use std::ops::Deref;

use manyhands_wait::{Agent, Blockers, Relief, Resource, Stuck};

use super::{CellRef, Headed, JobCell, Phase, TaskHandle};
use crate::remote::remote_of;
use crate::task::header::Header;
use crate::workforce;

/// For the sake of what somebody waits for the end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They want its outcome.
    Result,
    /// They leave the group that it belongs to.
    GroupExit,
}

/// The end of a task, as something to wait for.
pub(crate) struct TaskEdge<C> {
    pub(crate) cell: C,
    pub(crate) purpose: Purpose,
}

impl<C: Deref<Target = dyn JobCell> + Send + Sync> Resource for TaskEdge<C> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        any_of(self.cell.header(), blockers);
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.cell.header().label();
        match self.purpose {
            Purpose::Result => write!(f, "result of {label}")?,
            Purpose::GroupExit => write!(f, "exit of a group, for {label} in it")?,
        }
        match self.cell.header().phase() {
            Phase::Finished => f.write_str(", whose callbacks have not returned"),
            _ => Ok(()),
        }
    }

    fn is_from_outside(&self) -> bool {
        is_from_outside(self.cell.header())
    }

    fn id(&self) -> Option<usize> {
        Some(std::ptr::from_ref(self.cell.header()).addr())
    }

    fn relieve(&self, stuck: &Stuck<'_>) -> Option<Relief> {
        relieve(&TaskHandle::new(CellRef::to(&*self.cell)), stuck)
    }
}

/// Names those of whom one has to go on before the task can end.
pub(crate) fn any_of(header: &Header, blockers: &mut Blockers) {
    match header.phase() {
        Phase::Done => blockers.may_end(),
        Phase::Queued => workforce::blockers_at(header.home(), blockers),
        // Over there it is told to end, and has to.
        Phase::Running if header.is_away() && header.cancel_requested() => blockers.may_end(),
        Phase::Running if header.is_away() => match remote_of(header.home()) {
            Some(remote) => remote.blockers(header.id(), blockers),
            None => blockers.may_end(),
        },
        // Finished, its code has gone on, so a runner is whoever runs a callback. The others come after
        // that one on the same stack, and then those who wait are told.
        Phase::Running | Phase::Finished => name(header.runner(), blockers),
    }
}

/// Whether the task may end through somebody who is not known here: in another process, or on a thread
/// that waits for nothing that is known.
pub(crate) fn is_from_outside(header: &Header) -> bool {
    match header.phase() {
        Phase::Queued => remote_of(header.home()).is_some(),
        Phase::Running if header.is_away() => {
            remote_of(header.home()).is_none_or(|remote| remote.runs_as(header.id()).is_none())
        }
        // The runner may be an executor that waits for nothing, of a task that awaits something unknown.
        Phase::Running | Phase::Finished => !header.runner().is_some_and(Agent::is_waiting),
        Phase::Done => false,
    }
}

/// Has the executor of a queued task begin it although all its workers wait, if that is why it has not
/// begun, and the executor will.
pub(crate) fn relieve(awaited: &TaskHandle, stuck: &Stuck<'_>) -> Option<Relief> {
    let home = awaited.queued_at()?;
    let is_why = stuck.is_met_by_nobody_else(|blockers| workforce::blockers_at(home, blockers));
    if is_why { workforce::relieve(awaited) } else { None }
}

fn name(agent: Option<Agent>, blockers: &mut Blockers) {
    match agent {
        Some(agent) => blockers.any_of(agent),
        None => blockers.may_end(),
    }
}
