//! What a worker writes to its parent.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use manyhands_executor::{TaskError, TaskErrorKind, encode_failure};

use crate::bell::Bell;
use crate::memory::attachments::Attachments;
use crate::memory::segment::Outbox;
use crate::pool::channel::{
    Channel, PIECE_MAX, Producer, Response, ResponseKind, Violation, send_descriptors,
};
use crate::pool::freight::{is_freight, pack};

pub(super) struct Outgoing {
    channel: Channel,
    results: Producer,
    bell: Bell,
    control: UnixStream,
    outbox: Outbox,
}

/// How long to sleep between looks for room that the parent has not announced.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Outgoing {
    pub(super) fn new(channel: Channel, bell: Bell, control: UnixStream) -> Outgoing {
        let results = channel.result_producer();
        // SAFETY: the peer is the pool, which is in the process that has started this one.
        let outbox = unsafe { Outbox::mapping() };
        Outgoing { results, channel, bell, control, outbox }
    }

    /// Writes the outcome of a task with what travels beside it.
    pub(super) fn send_outcome(
        &mut self,
        number: u64,
        took_ns: u64,
        outcome: &[u8],
        attachments: &Attachments,
    ) -> Result<(), Violation> {
        if !is_freight(outcome, attachments) {
            return self.send(ResponseKind::Outcome, number, took_ns, outcome);
        }
        let packed = pack(outcome, attachments, &mut self.outbox);
        if send_descriptors(&self.control, number, &packed.fds).is_err() {
            packed.withdraw(&mut self.outbox);
            let count = packed.fds.len();
            let why = format!("the {count} descriptors of a result were not sent");
            let error = TaskError::new(TaskErrorKind::Codec, why);
            return self.send(ResponseKind::Outcome, number, took_ns, &encode_failure(&error));
        }
        packed.sent(&mut self.outbox);
        self.send(ResponseKind::Laden, number, took_ns, &packed.message)
    }

    /// Gives back the memory of large outcomes that nobody has used for `idle`. Whether there is any.
    pub(super) fn trim(&mut self, idle: Duration) -> bool {
        self.outbox.trim(idle);
        self.outbox.statistics().segments > 0
    }

    /// Writes a response, in pieces if it is long, and publishes it. Waits for room.
    pub(super) fn send(
        &mut self,
        kind: ResponseKind,
        number: u64,
        took_ns: u64,
        payload: &[u8],
    ) -> Result<(), Violation> {
        let total = payload.len() as u64;
        let (first, rest) = payload.split_at(payload.len().min(PIECE_MAX));
        self.write(Response { kind, number, took_ns, total }, first)?;
        for piece in rest.chunks(PIECE_MAX) {
            self.write(Response { kind: ResponseKind::More, number, took_ns, total }, piece)?;
        }
        self.results.publish();
        Ok(())
    }

    fn write(&mut self, response: Response, piece: &[u8]) -> Result<(), Violation> {
        while !response.write(&mut self.results, piece)? {
            self.results.publish();
            self.announce();
            // The parent wakes whoever sleeps on this word after it has made room.
            let alarm = self.channel.worker_alarm();
            alarm.set();
            if self.results.has_room(PIECE_MAX / 8 + 8)? {
                alarm.clear();
            } else {
                alarm.sleep_timeout(LOOK_AGAIN);
            }
        }
        Ok(())
    }

    /// Tells the parent that there is something, if it sleeps.
    pub(super) fn announce(&self) {
        if self.channel.parent_alarm().take() {
            self.ring();
        }
    }

    pub(super) fn ring(&self) {
        self.bell.ring();
    }
}
