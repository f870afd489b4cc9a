//! A task that was sent away, or is about to be.

use std::time::Instant;

use manyhands_executor::{Dispatched, RetryPolicy, TaskError, TaskErrorKind};

use super::channel::{NEVER, Request, RequestKind, now_ns};
use super::freight::{Packed, Packing, is_freight};
use crate::image::EntryOffsets;
use crate::memory::attachments::Attachments;
use crate::memory::segment::Outbox;

/// A task outside of the queue: its argument is encoded, and it belongs to the pool until it ends.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) dispatched: Dispatched,
    /// The task's number in this process.
    pub(super) id: u64,
    function: u64,
    trampoline: u64,
    /// By when it must have ended, or [`NEVER`].
    pub(super) deadline_ns: u64,
    /// How long it may run, or 0.
    pub(super) limit_ns: u64,
    /// How often it has begun and failed.
    attempts: u32,
    retry: Option<RetryPolicy>,
    /// What travels beside the argument.
    attachments: Option<Box<Attachments>>,
    /// The argument as it was packed for the worker that has the task, if it had to be.
    packed: Option<Box<Packed>>,
}

impl Flight {
    /// # Errors
    /// The task and its error, if its function is not in the program's executable.
    pub(super) fn of(
        dispatched: Dispatched,
        attachments: Attachments,
    ) -> Result<Flight, (Dispatched, TaskError)> {
        let (function, trampoline) = match EntryOffsets::of(&dispatched.entry()) {
            Ok(offsets) => offsets.to_raw(),
            Err(error) => {
                let error = TaskError::new(TaskErrorKind::Rejected, error.to_string());
                return Err((dispatched, error));
            }
        };
        Ok(Flight {
            id: dispatched.id(),
            function,
            trampoline,
            deadline_ns: dispatched.deadline().map_or(NEVER, ns_at),
            limit_ns: dispatched.time_limit().map_or(0, |limit| ns_of(limit).max(1)),
            attempts: 0,
            retry: dispatched.retry(),
            attachments: (!attachments.is_empty()).then(|| Box::new(attachments)),
            packed: None,
            dispatched,
        })
    }

    /// The frame that sends it.
    pub(super) fn request(&self, kind: RequestKind, number: u64) -> Request {
        let kind = match (kind, &self.packed) {
            (RequestKind::Call, Some(_)) => RequestKind::Laden,
            (kind, _) => kind,
        };
        Request {
            kind,
            number,
            function: self.function,
            trampoline: self.trampoline,
            deadline_ns: self.deadline_ns,
            limit_ns: self.limit_ns,
            total: self.message().len() as u64,
            task: self.id,
        }
    }

    /// Whether the argument has to be packed for the worker that gets it.
    pub(super) fn is_freight(&self) -> bool {
        is_freight(self.dispatched.argument(), self.attachments())
    }

    /// Reserves what packing the argument for the worker of this outbox needs.
    pub(super) fn reserve(&self, outbox: &mut Outbox) -> Packing {
        Packing::reserve(self.dispatched.argument(), self.attachments(), outbox)
    }

    /// Packs the argument, with what was [reserved](Self::reserve) for it.
    pub(super) fn pack(&mut self, packing: Packing) {
        let packed = packing.fill(self.dispatched.argument(), self.attachments());
        self.packed = Some(Box::new(packed));
    }

    fn attachments(&self) -> &Attachments {
        static NOTHING: Attachments = Attachments { fds: Vec::new(), payloads: Vec::new() };
        self.attachments.as_deref().unwrap_or(&NOTHING)
    }

    pub(super) fn packed(&self) -> Option<&Packed> {
        self.packed.as_deref()
    }

    /// Gives back what was reserved for packing and not used.
    pub(super) fn give_back_unused(&mut self, outbox: &mut Outbox) {
        if let Some(packed) = &mut self.packed {
            packed.give_back_unused(outbox);
        }
    }

    /// The worker for which the argument was packed is gone.
    pub(super) fn forget_packed(&mut self) {
        self.packed = None;
    }

    /// The worker will not have it after all.
    pub(super) fn unpack(&mut self, outbox: &mut Outbox) {
        if let Some(packed) = self.packed.take() {
            packed.withdraw(outbox);
        }
    }

    /// What goes through the ring.
    pub(super) fn message(&self) -> &[u8] {
        match &self.packed {
            Some(packed) => &packed.message,
            None => self.dispatched.argument(),
        }
    }

    /// Whether it has to be ended at some time.
    pub(super) fn is_limited(&self) -> bool {
        self.deadline_ns != NEVER || self.limit_ns != 0
    }

    /// By when it must have ended if it began at this time.
    pub(super) fn end_ns(&self, started_ns: u64) -> u64 {
        let of_limit = match self.limit_ns {
            0 => NEVER,
            limit => started_ns.saturating_add(limit),
        };
        match (self.deadline_ns, of_limit) {
            (NEVER, end) | (end, NEVER) => end,
            (deadline, limit) => deadline.min(limit),
        }
    }

    /// An attempt, begun at this time, has failed like this. When to try again, if that is what
    /// the submitter wants.
    pub(super) fn try_again_at(&mut self, kind: TaskErrorKind, started_ns: u64) -> Option<u64> {
        let policy = self.retry?;
        self.attempts += 1;
        let again = matches!(kind, TaskErrorKind::Panicked | TaskErrorKind::WorkerDied)
            && self.attempts < policy.attempts()
            && !self.dispatched.is_cancel_requested();
        if !again {
            return None;
        }
        // All attempts together have the one limit.
        self.deadline_ns = self.end_ns(started_ns);
        self.limit_ns = 0;
        let at = now_ns().saturating_add(ns_of(policy.delay(self.attempts)));
        (self.deadline_ns == NEVER || at < self.deadline_ns).then_some(at)
    }

    /// Whether an outcome has to be looked at before it is handed over.
    pub(super) fn has_retries(&self) -> bool {
        self.retry.is_some()
    }
}

fn ns_of(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The nanoseconds of an instant; one that has passed is now.
fn ns_at(at: Instant) -> u64 {
    now_ns().saturating_add(ns_of(at.saturating_duration_since(Instant::now())))
}
