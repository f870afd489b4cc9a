//! One call: find the function, put deadline and cancellation in force, call, and have an outcome
//! whatever happens.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use manyhands_executor::{Entry, TaskError, TaskErrorKind, drop_payload, encode_failure};
use manyhands_wait::{Cause, Interrupt, Layer, TaskLabel, has_scoped_parker};

use super::listener::Listener;
use crate::image::EntryOffsets;
use crate::memory::attachments::Travel;
use crate::pool::channel::{Meter, NEVER, Request, Slots, instant_at, now_ns};

pub(super) struct Calls {
    listener: Arc<Listener>,
    meter: Meter,
    /// The entry that was called last: most calls are of the same function.
    last: Option<(u64, u64, Entry)>,
    /// When the last task ended, if nothing has happened since: then the next one starts.
    ended_ns: Option<u64>,
}

impl Calls {
    pub(super) fn new(listener: Arc<Listener>, meter: Meter) -> Calls {
        Calls { listener, meter, last: None, ended_ns: None }
    }

    /// Calls the initializer.
    pub(super) fn initialize(&mut self, entry: EntryOffsets, argument: &[u8]) -> Vec<u8> {
        match entry.entry() {
            Ok(entry) => entry.call_encoded(argument),
            Err(error) => not_found(&error),
        }
    }

    /// Begins the task of this number, if it was not taken back; says when.
    pub(super) fn start(&mut self, slots: &Slots, number: u64) -> Option<u64> {
        let now = self.ended_ns.take().unwrap_or_else(now_ns);
        self.meter.set_mark(rustix::stdio::stderr());
        slots.start(number, now).then(|| {
            self.listener.set_running(number);
            now
        })
    }

    /// The task has ended; says how long it took.
    pub(super) fn ended(&mut self, started_ns: u64) -> u64 {
        let now = now_ns();
        self.ended_ns = Some(now);
        now.saturating_sub(started_ns)
    }

    /// Nothing is to do: the next task does not start when the last one ended.
    pub(super) fn idle(&mut self) {
        self.ended_ns = None;
    }

    /// Calls what the request says.
    pub(super) fn call(
        &mut self,
        request: &Request,
        argument: &[u8],
        travel: &mut Travel,
        started_ns: u64,
    ) -> Vec<u8> {
        let entry = match self.entry(request) {
            Ok(entry) => entry,
            Err(error) => return not_found(&error),
        };
        let id = request.task;
        let label = || TaskLabel { id, name: None };
        let deadline = instant_at(end_of(request, started_ns));
        let layer = Layer::new().task(&label).source(&*self.listener).deadline(deadline);
        let _errand = Errand::begin(id);
        let call = || entry.call_encoded_with(argument, travel);
        let called = catch_unwind(AssertUnwindSafe(|| layer.enter(call)));
        called.unwrap_or_else(|payload| {
            encode_failure(&match Interrupt::caught(payload, &layer) {
                Ok(Cause::Cancelled) => {
                    TaskError::new(TaskErrorKind::Cancelled, "the task was cancelled")
                }
                Ok(Cause::DeadlinePassed) => TaskError::new(
                    TaskErrorKind::TimedOut,
                    "the task ran longer than it was allowed to",
                ),
                Err(payload) => {
                    drop_payload(payload);
                    TaskError::new(
                        TaskErrorKind::Panicked,
                        "the task was unwound by an interruption that was meant for somebody else",
                    )
                }
            })
        })
    }

    fn entry(&mut self, request: &Request) -> Result<Entry, crate::image::ImageError> {
        let (function, trampoline) = (request.function, request.trampoline);
        if let Some((f, t, entry)) = self.last
            && (f, t) == (function, trampoline)
        {
            return Ok(entry);
        }
        let entry = EntryOffsets::from_raw(function, trampoline).entry()?;
        self.last = Some((function, trampoline, entry));
        Ok(entry)
    }
}

/// By when a task must have ended that starts now.
fn end_of(request: &Request, started_ns: u64) -> u64 {
    let of_limit = match request.limit_ns {
        0 => NEVER,
        limit => started_ns.saturating_add(limit),
    };
    match (request.deadline_ns, of_limit) {
        (NEVER, end) | (end, NEVER) => end,
        (deadline, limit) => deadline.min(limit),
    }
}

fn not_found(error: &crate::image::ImageError) -> Vec<u8> {
    encode_failure(&TaskError::new(TaskErrorKind::Codec, format!("nothing was called: {error}")))
}

thread_local! {
    static ERRAND: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The task that this thread runs for the process that has started this one. A coroutine of the thread is
/// not its code.
pub(crate) fn current_errand() -> Option<(u32, u64)> {
    let task = ERRAND.get().filter(|_| !has_scoped_parker())?;
    let parent = rustix::process::getppid()?.as_raw_nonzero().get();
    Some((u32::try_from(parent).ok()?, task))
}

/// The task runs on this thread, until this is dropped.
struct Errand(());

impl Errand {
    fn begin(task: u64) -> Errand {
        ERRAND.set(Some(task));
        Errand(())
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        ERRAND.set(None);
    }
}
