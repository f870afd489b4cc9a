//! Tasks that have ended, collected under the pool's lock and told after it.

use std::collections::VecDeque;
use std::ops::Range;

use manyhands_executor::{Callbacks, Dispatched, TaskError, TaskErrorKind};

use super::channel::now_ns;
use super::flight::Flight;
use super::freight::{Arrived, Freight};
use super::loading::Loading;
use crate::memory::attachments::Travel;

/// What a task has ended with.
#[derive(Debug)]
pub(super) enum Ending {
    /// An encoded outcome, in the batch's bytes.
    Encoded(Range<usize>),
    /// An encoded outcome that came in pieces.
    Whole(Vec<u8>),
    /// An encoded outcome with what travels beside it.
    Laden(Box<Arrived>),
    Failed(TaskError),
}

/// The tasks, and the bytes of their outcomes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) ended: Vec<(Dispatched, Ending)>,
    /// Those that are tried again, and when.
    pub(super) again: Vec<(u64, Flight)>,
    /// Those whose argument is to be copied before a worker has it.
    pub(super) loading: VecDeque<Loading>,
}

/// In so many bytes it stands what sort of failure an outcome is.
const FAILURE_MAX: usize = 16;

impl Batch {
    /// This task has ended, begun at this time.
    pub(super) fn end(&mut self, mut flight: Flight, ending: Ending, started_ns: u64) {
        if flight.has_retries() {
            let failure = match &ending {
                Ending::Encoded(range) => Dispatched::failure_of(&self.bytes[range.clone()]),
                Ending::Whole(bytes) => Dispatched::failure_of(bytes),
                Ending::Laden(arrived) => Dispatched::failure_of(&arrived.beginning(FAILURE_MAX)),
                Ending::Failed(error) => Some(error.kind()),
            };
            if let Some(kind) = failure
                && let Some(at) = flight.try_again_at(kind, started_ns)
            {
                self.again.push((at, flight));
                return;
            }
        }
        self.ended.push((flight.dispatched, ending));
    }

    /// This task ends without having been tried again.
    pub(super) fn fail(&mut self, flight: Flight, error: TaskError) {
        self.ended.push((flight.dispatched, Ending::Failed(error)));
    }

    pub(super) fn cancel(&mut self, flight: Flight) {
        self.fail(flight, cancelled());
    }

    /// This task's worker has died under it.
    pub(super) fn lose(&mut self, flight: Flight, error: TaskError) {
        self.end(flight, Ending::Failed(error), now_ns());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.again.is_empty() && self.loading.is_empty()
    }

    /// Ends a task, whose outcome may be in `bytes`. Its callbacks are still to be run.
    pub(super) fn complete(
        dispatched: Dispatched,
        ending: Ending,
        bytes: &[u8],
    ) -> Option<Callbacks> {
        let mut travel = Travel::new();
        match ending {
            Ending::Encoded(range) => dispatched.complete_encoded_apart(&bytes[range], &mut travel),
            Ending::Whole(bytes) => dispatched.complete_encoded_apart(&bytes, &mut travel),
            Ending::Laden(arrived) => match arrived.open() {
                Ok(Freight { body, attachments }) => {
                    dispatched.complete_encoded_apart(&body, &mut Travel::with(attachments))
                }
                Err(why) => dispatched.fail_apart(TaskError::new(TaskErrorKind::Codec, why)),
            },
            Ending::Failed(error) => dispatched.fail_apart(error),
        }
    }

    /// Forgets the bytes, when all tasks were told. Keeps some memory for the next ones.
    pub(super) fn clear(&mut self) {
        const KEPT: usize = 1024 * 1024;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
    }
}

pub(super) fn cancelled() -> TaskError {
    TaskError::new(TaskErrorKind::Cancelled, "the task was cancelled")
}

pub(super) fn timed_out_unbegun() -> TaskError {
    TaskError::new(TaskErrorKind::TimedOut, "the task's deadline passed before it was started")
}

pub(super) fn timed_out_and_killed() -> TaskError {
    TaskError::new(
        TaskErrorKind::TimedOut,
        "the task ran longer than it was allowed to, and was ended with its worker",
    )
}
