//! The life of a worker process: its initializer, then one task after the other, until the parent
//! says that it is enough, or is gone.

mod call;
mod incoming;
mod listener;
mod original;
mod outgoing;

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use manyhands_executor::{TaskError, TaskErrorKind, encode_failure};
use manyhands_wait::Spin;
use serde::{Deserialize, Serialize};

use super::channel::{Channel, Consumer, Request, RequestKind, ResponseKind, Slots, Violation};
use super::freight::{Announced, Freight};
use crate::bell::Bell;
use crate::image::EntryOffsets;
use crate::memory::attachments::Travel;
use crate::memory::registry;
use crate::memory::segment::Inbox;
use crate::start::Origin;
use call::Calls;
pub(crate) use call::current_errand;
use incoming::Incoming;
use listener::Listener;
use original::Original;
use outgoing::Outgoing;

/// What a worker is told when it starts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    /// The function to be called before the first task, and its encoded argument.
    pub(super) initializer: Option<(EntryOffsets, Vec<u8>)>,
}

/// How long a value that was received is kept for the next task that gets it.
const KEPT: Duration = Duration::from_secs(10);

/// How long memory for large outcomes is kept unused.
const IDLE: Duration = Duration::from_secs(2);

/// A worker that cannot go on because what came from its parent makes no sense, or because its
/// memory is damaged.
const DAMAGED: i32 = 114;

/// A copy of a worker that a task has made and returned in.
const COPIED: i32 = 115;

/// Works until there is nothing more to do.
pub(crate) fn run(origin: Origin) -> ! {
    let code = match work(origin) {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("manyhands: a worker cannot go on: {why}");
            DAMAGED
        }
    };
    // What a task has printed without an end of line. An error has nobody left to go to.
    let _closed = std::io::stdout().flush();
    // SAFETY: ends the process. Nothing of the program's own is run at the end of a worker: its
    // statics are those of the parent's program, which has not ended.
    unsafe { libc::_exit(code) }
}

fn work(origin: Origin) -> Result<(), String> {
    let Origin { control, fds, payload, .. } = origin;
    let [memory, bell] = <[_; 2]>::try_from(fds)
        .map_err(|fds| format!("{} descriptors came instead of 2", fds.len()))?;
    let orders: Orders = postcard::from_bytes(&payload).map_err(|error| error.to_string())?;
    let channel = Channel::open(memory.as_fd()).map_err(|error| error.to_string())?;
    drop(memory);
    registry::keep_received();
    let spoken = control.try_clone().map_err(|error| error.to_string())?;
    let listener = Arc::new(Listener::new(channel.slots()));
    let mut worker = Worker {
        requests: channel.request_consumer(),
        slots: channel.slots(),
        out: Outgoing::new(channel.clone(), Bell::of(bell), spoken),
        calls: Calls::new(Arc::clone(&listener), channel.stderr_meter()),
        listener: Arc::clone(&listener),
        // SAFETY: the parent has started this process and is the same program; it keeps to the
        // protocol of segments.
        inbox: unsafe { Inbox::in_place() },
        incoming: None,
        original: Original::new(),
        channel,
    };
    let failed = |violation: Violation| violation.to_string();
    let outcome = match orders.initializer {
        Some((entry, argument)) => {
            let outcome = worker.calls.initialize(entry, &argument);
            worker.end_copy();
            outcome
        }
        None => Vec::new(),
    };
    worker.out.send(ResponseKind::Ready, 0, 0, &outcome).map_err(failed)?;
    worker.out.announce();
    // After the word that the worker is ready, which somebody waits for.
    listener.listen(control).map_err(|error| format!("no thread was started: {error}"))?;
    worker.serve().map_err(failed)
}

/// Everything that the loop needs.
struct Worker {
    channel: Channel,
    requests: Consumer,
    slots: Slots,
    out: Outgoing,
    calls: Calls,
    listener: Arc<Listener>,
    /// Large payloads from the parent.
    inbox: Inbox,
    /// An argument that comes in pieces.
    incoming: Option<Incoming>,
    original: Original,
}

impl Worker {
    fn serve(&mut self) -> Result<(), Violation> {
        let mut argument = Vec::new();
        loop {
            argument.clear();
            match Request::read(&mut self.requests, &mut argument)? {
                Some(request) => {
                    if self.channel.parent_wants_room().take() {
                        self.out.ring();
                    }
                    self.handle(request, &mut argument)?;
                }
                None if !self.wait_for_requests() => return Ok(()),
                None => {}
            }
        }
    }

    fn handle(&mut self, request: Request, piece: &mut Vec<u8>) -> Result<(), Violation> {
        match (request.kind, self.incoming.take()) {
            (RequestKind::Call | RequestKind::Laden, None)
                if request.total == piece.len() as u64 =>
            {
                self.run(&request, piece)
            }
            (RequestKind::Call | RequestKind::Laden, None) => {
                self.incoming = Some(Incoming::begin(request, piece)?);
                Ok(())
            }
            (RequestKind::More, Some(mut incoming)) => {
                if incoming.push(request.number, piece)? {
                    let (request, mut argument) = incoming.into_parts();
                    self.run(&request, &mut argument)
                } else {
                    self.incoming = Some(incoming);
                    Ok(())
                }
            }
            (RequestKind::Abort, Some(_dropped)) => Ok(()),
            _ => Err(Violation("a piece of an argument came out of turn")),
        }
    }

    fn run(&mut self, request: &Request, argument: &mut Vec<u8>) -> Result<(), Violation> {
        let laden = request.kind == RequestKind::Laden;
        // Also of a task that was taken back: nobody else takes its descriptors.
        let freight = laden.then(|| self.unload(request, std::mem::take(argument)));
        let Some(started_ns) = self.calls.start(&self.slots, request.number) else {
            return Ok(()); // it was taken back
        };
        let mut travel = Travel::new();
        let outcome = match freight {
            None => self.calls.call(request, argument, &mut travel, started_ns),
            Some(Ok(Freight { body, attachments })) => {
                travel.incoming = attachments;
                self.calls.call(request, &body, &mut travel, started_ns)
            }
            Some(Err(why)) => encode_failure(&TaskError::new(TaskErrorKind::Codec, why)),
        };
        self.end_copy();
        let took_ns = self.calls.ended(started_ns);
        self.out.send_outcome(request.number, took_ns, &outcome, &travel.outgoing)?;
        self.slots.finish(request.number);
        self.out.announce();
        Ok(())
    }

    /// Ends this process if the code that was called has made a copy of the worker, and this is the copy:
    /// what comes now is for the worker alone.
    fn end_copy(&self) {
        if self.original.is_here() {
            return;
        }
        // Not through the standard library: a lock of its own may have been copied while it was held.
        let why =
            b"manyhands: a task has forked and returned in the copy too; the copy ends here\n";
        let _nobody_reads_it = rustix::io::write(rustix::stdio::stderr(), why);
        // SAFETY: ends the copy, and runs nothing: what there is to run is the worker's.
        unsafe { libc::_exit(COPIED) }
    }

    fn unload(&mut self, request: &Request, message: Vec<u8>) -> Result<Freight, String> {
        let announced = Announced::read(message).map_err(str::to_owned)?;
        let fds = self
            .listener
            .descriptors(request.number, announced.fds())
            .ok_or("the descriptors of an argument did not come")?;
        announced.arrive(fds, &mut self.inbox)?.open()
    }

    /// Waits until there is a request; `false` if the worker shall end.
    fn wait_for_requests(&mut self) -> bool {
        let (requests, channel) = (&self.requests, &self.channel);
        self.calls.idle();
        if Spin::start().until(|| requests.has_frames()) {
            return true;
        }
        let alarm = channel.worker_alarm();
        loop {
            alarm.set();
            if requests.has_frames() || channel.is_to_retire() {
                alarm.clear();
                return requests.has_frames();
            }
            let has_values = registry::trim(KEPT);
            if self.out.trim(IDLE) || has_values {
                self.inbox.sweep();
                alarm.sleep_timeout(IDLE);
            } else {
                alarm.sleep();
            }
        }
    }
}
