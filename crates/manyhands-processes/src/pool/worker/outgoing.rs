//! What a worker writes to its parent.

use std::time::Duration;

use crate::pool::channel::{Bell, Channel, PIECE_MAX, Producer, Response, ResponseKind, Violation};

pub(super) struct Outgoing {
    channel: Channel,
    results: Producer,
    bell: Bell,
}

/// How long to sleep between looks for room that the parent has not announced.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Outgoing {
    pub(super) fn new(channel: Channel, bell: Bell) -> Outgoing {
        Outgoing { results: channel.result_producer(), channel, bell }
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
