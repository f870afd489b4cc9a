//! Several tasks as the wait-for graph sees them: whom somebody waits for who waits for some of them to
//! end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use manyhands_wait::{Agent, Blockers, Reason, Relief, Resource, Stuck};

use crate::completions::Completions;
use crate::primitive::{Mutex, lock};
use crate::task::{TaskHandle, edge};

/// What a wait for several tasks needs in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Some of them to end.
    Any,
    /// All of them to end.
    All,
}

/// The end of one of several tasks, as something to wait for.
pub(crate) struct TasksEdge<'a, H> {
    /// Those that may not have ended yet.
    pub(crate) handles: H,
    /// Where they say so; who waits reads it.
    pub(crate) ended: &'a Completions,
    pub(crate) needs: Needs,
    pub(crate) reason: &'static Reason,
}

/// Of so many that must all end, each is a reason for the wait not to end; the others' turn comes when
/// these have ended. Asking all of them again and again would take the square of their number.
const LOOKED_AT: usize = 16;

/// So many are named in reports.
const NAMED: usize = 3;

impl<'a, H: Iterator<Item = &'a TaskHandle> + Clone> TasksEdge<'_, H> {
    fn open(&self) -> impl Iterator<Item = &'a TaskHandle> {
        self.handles.clone().filter(|handle| !handle.is_settled())
    }
}

impl<'a, H> Resource for TasksEdge<'_, H>
where
    H: Iterator<Item = &'a TaskHandle> + Clone + Send + Sync,
{
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        if !self.ended.is_empty() {
            return blockers.may_end();
        }
        match self.needs {
            Needs::Any => {
                let mut asked = None;
                for handle in self.open() {
                    // All that are queued in one place wait for the same.
                    let queue = handle.queued_at();
                    if queue.is_some() && queue == asked {
                        continue;
                    }
                    asked = queue.or(asked);
                    edge::any_of(handle.header(), blockers);
                    if blockers.is_settled() {
                        return;
                    }
                }
            }
            Needs::All => {
                for handle in self.open().take(LOOKED_AT) {
                    blockers.also(|condition| edge::any_of(handle.header(), condition));
                }
            }
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.reason.text())?;
        let mut open = self.open();
        for (number, handle) in open.by_ref().take(NAMED).enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma} {}", handle.header().label())?;
        }
        match open.count() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }

    fn is_from_outside(&self) -> bool {
        self.open().any(|handle| edge::is_from_outside(handle.header()))
    }

    fn relieve(&self, stuck: &Stuck<'_>) -> Option<Relief> {
        self.open().find_map(|handle| edge::relieve(handle, stuck))
    }
}

/// Likewise, for async code: its future may be forgotten, so nothing is borrowed.
pub(crate) struct SharedTasksEdge {
    /// Those that were not taken out, by their places.
    handles: Mutex<BTreeMap<usize, TaskHandle>>,
    ended: Arc<Completions>,
    reason: &'static Reason,
}

impl SharedTasksEdge {
    /// For the sake of one of these.
    pub(crate) fn any_of(
        handles: impl Iterator<Item = (usize, TaskHandle)>,
        ended: &Arc<Completions>,
        reason: &'static Reason,
    ) -> SharedTasksEdge {
        let handles = Mutex::new(handles.collect());
        SharedTasksEdge { handles, ended: Arc::clone(ended), reason }
    }

    /// Lets go of one.
    pub(crate) fn forget(&self, place: usize) {
        let handle = lock(&self.handles).remove(&place);
        drop(handle); // perhaps with its result, whose destructor is the program's
    }

    /// Lets go of all.
    pub(crate) fn forget_all(&self) {
        let handles = std::mem::take(&mut *lock(&self.handles));
        drop(handles);
    }

    fn look<R>(&self, look: impl FnOnce(&dyn Resource) -> R) -> R {
        let handles = lock(&self.handles);
        let (needs, reason) = (Needs::Any, self.reason);
        look(&TasksEdge { handles: handles.values(), ended: &self.ended, needs, reason })
    }
}

impl Resource for SharedTasksEdge {
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers) {
        self.look(|edge| edge.blockers(waiter, blockers));
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look(|edge| edge.describe(f))
    }

    fn is_from_outside(&self) -> bool {
        self.look(|edge| edge.is_from_outside())
    }

    fn relieve(&self, stuck: &Stuck<'_>) -> Option<Relief> {
        self.look(|edge| edge.relieve(stuck))
    }
}
