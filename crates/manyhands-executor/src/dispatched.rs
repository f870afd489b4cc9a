//! Jobs that were sent away: how they come back, and how their tasks end.

use std::fmt;
use std::time::{Duration, Instant};

use crate::entry::Entry;
use crate::error::{TaskError, TaskErrorKind};
use crate::options::TaskOptions;
use crate::retry::RetryPolicy;
use crate::surroundings::{Plain, Surroundings};
use crate::task::{CellRef, Ending, Headed, JobCell, drop_quietly};

/// A portable job under way to where it will run. Dropped without an outcome, its task is lost.
pub struct Dispatched {
    cell: Option<CellRef<dyn JobCell>>,
    entry: Entry,
    argument: Vec<u8>,
}

impl Dispatched {
    pub(crate) fn new(cell: CellRef<dyn JobCell>, entry: Entry, argument: Vec<u8>) -> Dispatched {
        Dispatched { cell: Some(cell), entry, argument }
    }

    /// What to call.
    pub fn entry(&self) -> Entry {
        self.entry
    }

    /// The encoded argument, for [`Entry::call_encoded`].
    pub fn argument(&self) -> &[u8] {
        &self.argument
    }

    /// The task's number.
    pub fn id(&self) -> u64 {
        self.cell.as_ref().map_or(0, |cell| cell.header().id())
    }

    /// By when the task must have ended.
    pub fn deadline(&self) -> Option<Instant> {
        self.options()?.deadline
    }

    /// How long the task may run, from its start.
    pub fn time_limit(&self) -> Option<Duration> {
        self.options()?.time_limit
    }

    /// How often to try, if the submitter asked for it: an executor that sends tasks away tries
    /// again itself, by sending the same entry and argument, because what runs elsewhere may die
    /// there.
    pub fn retry(&self) -> Option<RetryPolicy> {
        self.options()?.retry
    }

    /// What sort of failure an encoded outcome of this task is; `None` for a value, which it has if
    /// it is an outcome at all.
    pub fn failure_of(outcome: &[u8]) -> Option<TaskErrorKind> {
        crate::entry::failure_of(outcome)
    }

    fn options(&self) -> Option<&TaskOptions> {
        self.cell.as_ref()?.header().options()
    }

    /// Whether the task was asked to end.
    pub fn is_cancel_requested(&self) -> bool {
        self.cell.as_ref().is_some_and(|cell| cell.header().cancel_requested())
    }

    /// Ends the task with what [`Entry::call_encoded`] returned.
    pub fn complete_encoded(self, outcome: &[u8]) {
        self.complete_encoded_with(outcome, &mut Plain);
    }

    /// Like [`complete_encoded`](Self::complete_encoded), with these surroundings around the
    /// decoding. The task's callbacks run outside of them.
    pub fn complete_encoded_with(mut self, outcome: &[u8], surroundings: &mut dyn Surroundings) {
        if let Some(cell) = self.cell.take() {
            cell.complete_encoded(outcome, surroundings);
        }
    }

    /// Like [`complete_encoded_with`](Self::complete_encoded_with), and leaves the task's callbacks to
    /// the caller, if there are any: for threads that must not wait, because callbacks may.
    pub fn complete_encoded_apart(
        mut self,
        outcome: &[u8],
        surroundings: &mut dyn Surroundings,
    ) -> Option<Callbacks> {
        Callbacks::of_ended(self.cell.take()?, Ending::Encoded(outcome, surroundings))
    }

    /// Ends the task with this error.
    pub fn fail(mut self, error: TaskError) {
        if let Some(cell) = self.cell.take() {
            cell.fail_dispatched(error);
        }
    }

    /// Like [`fail`](Self::fail), and leaves the task's callbacks to the caller, if there are any.
    pub fn fail_apart(mut self, error: TaskError) -> Option<Callbacks> {
        Callbacks::of_ended(self.cell.take()?, Ending::Failed(error))
    }
}

impl Drop for Dispatched {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            let message = "the executor sent the task away and lost it";
            cell.fail_dispatched(TaskError::new(TaskErrorKind::Lost, message));
        }
    }
}

impl fmt::Debug for Dispatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatched")
            .field("entry", &self.entry.name())
            .field("argument_bytes", &self.argument.len())
            .finish_non_exhaustive()
    }
}

/// The callbacks of a task that has ended, which are still to be run. Whoever waits for the task waits for
/// them too. Dropped, they run where that happens.
#[must_use = "dropped, the callbacks run at once"]
pub struct Callbacks {
    cell: Option<CellRef<dyn JobCell>>,
}

impl Callbacks {
    /// Ends the task of this cell; what is left to be run, if there is anything.
    pub(crate) fn of_ended(cell: CellRef<dyn JobCell>, ending: Ending<'_>) -> Option<Callbacks> {
        let left = cell.end_apart(ending);
        left.then(|| Callbacks { cell: Some(cell) })
    }

    /// Runs the callbacks here, and those that are added meanwhile. Their panics are reported by the
    /// panic hook, and go no further.
    pub fn run(self) {
        drop(self);
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            cell.run_callbacks();
            // The outcome, if nobody is left to look at it, goes with it.
            drop_quietly(cell);
        }
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.cell.as_ref().map(|cell| cell.header().id());
        f.debug_struct("Callbacks").field("task", &id).finish_non_exhaustive()
    }
}
