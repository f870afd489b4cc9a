//! One worker as the parent sees it: what was sent to it, and what has come back.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use manyhands_executor::{TaskError, TaskErrorKind};

use super::batch::{Batch, Ending};
use super::channel::{
    Channel, Consumer, Courier, PIECE_MAX, Producer, REQUEST_WORDS, Request, RequestKind, Response,
    ResponseKind, SLOTS, SlotState, Slots, Unsent, Violation, now_ns, send_descriptors,
};
use super::flight::Flight;
use super::freight::{Announced, Packed};
use super::loading::Loading;
use crate::memory::memfd;
use crate::memory::segment::{Buffers, Inbox, Outbox};

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its process starts, or its initializer runs.
    Starting,
    /// It works.
    Open,
    /// It gets no more tasks, and ends when it has none.
    Leaving,
}

/// One worker.
pub(super) struct Seat {
    pub(super) number: usize,
    pub(super) stage: Stage,
    pub(super) channel: Channel,
    requests: Producer,
    results: Consumer,
    pub(super) slots: Slots,
    /// Tasks from the number `first` on; `None` for those that have ended or were taken back.
    flights: VecDeque<Option<Flight>>,
    first: u64,
    /// How many of them are there.
    live: usize,
    /// For how many more a place is kept, whose arguments are being copied.
    loading: usize,
    /// How many of those have to be ended at some time.
    pub(super) limited: usize,
    /// Tasks sent and not taken back, since the worker started.
    pub(super) assigned: u64,
    /// Tasks whose argument did not fit, the first of them perhaps in part.
    unsent: VecDeque<Backlog>,
    /// An outcome that comes in pieces.
    incoming: Option<(Response, Vec<u8>)>,
    /// What it wrote that cannot be, if it did.
    pub(super) damaged: Option<Violation>,
    /// The outcome of the initializer.
    pub(super) ready: Option<Vec<u8>>,
    /// Whether something was written and not published.
    dirty: bool,
    /// Whether it does not take descriptors at the moment.
    blocked: bool,
    /// How long a task takes, on average; 0 if none has ended.
    pace_ns: u64,
    /// The socket beside the rings, once the worker has reported.
    pub(super) control: Option<Arc<UnixStream>>,
    /// Who brings descriptors over it.
    courier: Courier,
    /// Large payloads for the worker, and from it.
    outbox: Outbox,
    inbox: Inbox,
}

struct Backlog {
    number: u64,
    /// How many bytes of the argument are written; `None` if the call is not.
    sent: Option<usize>,
    aborted: bool,
}

/// Outcomes are longer than this only by mistake.
const OUTCOME_MAX: u64 = 1 << 40;
/// More is reserved only as it comes.
const RESERVE_MAX: u64 = 64 * 1024 * 1024;
/// How many outcomes are taken at a time from one worker, and how many bytes of them.
const DRAIN_MAX: usize = 512;
const DRAIN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Tasks longer than this are sent two at a time: the one that runs, and one to go on with.
const LONG_NS: u64 = 50_000;
/// Of shorter ones, as many as take this long.
const AHEAD_NS: u64 = 150_000;
const DEPTH_MAX: u64 = 256;

impl Seat {
    pub(super) fn new(number: usize, channel: Channel, buffers: Buffers) -> Seat {
        Seat {
            number,
            stage: Stage::Starting,
            requests: channel.request_producer(),
            results: channel.result_consumer(),
            slots: channel.slots(),
            channel,
            flights: VecDeque::new(),
            first: 1,
            live: 0,
            loading: 0,
            limited: 0,
            assigned: 0,
            unsent: VecDeque::new(),
            incoming: None,
            damaged: None,
            ready: None,
            dirty: false,
            blocked: false,
            pace_ns: 0,
            control: None,
            courier: Courier::default(),
            outbox: Outbox::new(),
            inbox: Inbox::copying(buffers, memfd::limit()),
        }
    }

    /// How many tasks it has.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// How many more tasks it may be sent now.
    pub(super) fn room(&self, depth: Option<usize>, tasks_max: Option<u64>) -> usize {
        if self.stage != Stage::Open || !self.unsent.is_empty() {
            return 0;
        }
        let depth = depth.unwrap_or_else(|| self.depth());
        let left = tasks_max.map_or(u64::MAX, |max| max.saturating_sub(self.assigned));
        let left = usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(self.loading);
        let slots = SLOTS - self.flights.len();
        depth
            .saturating_sub(self.live + self.loading)
            .min(left)
            .min(slots.saturating_sub(self.loading))
    }

    /// How many tasks it has, and will have when their arguments are copied.
    pub(super) fn promised(&self) -> usize {
        self.live + self.loading
    }

    /// Keeps a place for a task whose argument has to be packed; there is room for it.
    pub(super) fn keep_place(&mut self, flight: Flight) -> Loading {
        self.loading += 1;
        let packing = flight.reserve(&mut self.outbox);
        Loading { seat: self.number, flight, packing }
    }

    /// Gives up a place that was kept, for this task.
    pub(super) fn give_up_place(&mut self, flight: &mut Flight) {
        self.loading -= 1;
        flight.give_back_unused(&mut self.outbox);
    }

    /// The worker will not have this task, which was packed for it.
    pub(super) fn unpack(&mut self, flight: &mut Flight) {
        flight.unpack(&mut self.outbox);
    }

    fn depth(&self) -> usize {
        match self.pace_ns {
            0 | LONG_NS.. => 2,
            pace => (AHEAD_NS / pace).clamp(2, DEPTH_MAX) as usize,
        }
    }

    /// Sends a task, packed if it has to be; there is room for it. Published with the next
    /// [`flush`](Self::flush).
    pub(super) fn send(&mut self, flight: Flight) -> Result<(), Violation> {
        let number = self.first + self.flights.len() as u64;
        self.slots.prepare(number);
        self.live += 1;
        self.assigned += 1;
        self.limited += usize::from(flight.is_limited());
        self.flights.push_back(Some(flight));
        self.unsent.push_back(Backlog { number, sent: None, aborted: false });
        if self.unsent.len() == 1 {
            self.write_unsent()?;
        }
        Ok(())
    }

    /// Publishes what was written, writes what did not fit before, and wakes the worker if it
    /// sleeps.
    pub(super) fn flush(&mut self) -> Result<(), Violation> {
        while !self.unsent.is_empty() && self.write_unsent()? {}
        if !std::mem::take(&mut self.dirty) {
            return Ok(());
        }
        self.requests.publish();
        let alarm = self.channel.worker_alarm();
        if alarm.take() {
            alarm.wake();
        }
        Ok(())
    }

    /// Goes on with what did not fit; false if it does not fit yet either.
    fn write_unsent(&mut self) -> Result<bool, Violation> {
        let Some(&Backlog { number, sent, aborted }) = self.unsent.front() else {
            return Ok(false);
        };
        let index = usize::try_from(number.wrapping_sub(self.first)).unwrap_or(usize::MAX);
        let flight = self.flights.get(index).and_then(Option::as_ref).filter(|_| !aborted);
        let (request, piece, next): (_, &[u8], _) = match (flight, sent) {
            (Some(flight), sent) => {
                let argument = flight.message();
                let from = sent.unwrap_or(0);
                let until = argument.len().min(from + PIECE_MAX);
                let kind = if sent.is_none() { RequestKind::Call } else { RequestKind::More };
                let next = (until < argument.len()).then_some(until);
                (flight.request(kind, number), &argument[from..until], next)
            }
            // Taken back before anything was sent.
            (None, None) => {
                self.unsent.pop_front();
                return Ok(true);
            }
            (None, Some(_)) => (Request::abort(number), &[], None),
        };
        let has_room = self.requests.has_room(piece.len().div_ceil(8) + REQUEST_WORDS)?;
        if has_room
            && sent.is_none()
            && let Some(packed) = flight.and_then(Flight::packed)
        {
            self.blocked = !send_beside(self.control.as_deref(), number, packed)?;
            if self.blocked {
                return Ok(false);
            }
            packed.sent(&mut self.outbox);
        }
        if !has_room || !request.write(&mut self.requests, piece)? {
            // Ask to be told, and look once more: the worker may have made room meanwhile.
            let alarm = self.channel.parent_wants_room();
            alarm.set();
            let has_room = self.requests.has_room(PIECE_MAX / 8 + 16)?;
            if has_room {
                alarm.clear();
            }
            return Ok(has_room);
        }
        self.dirty = true;
        match (next, self.unsent.front_mut()) {
            (Some(until), Some(unsent)) => unsent.sent = Some(until),
            _ => drop(self.unsent.pop_front()),
        }
        Ok(true)
    }

    /// Whether the worker has to read before everything is sent.
    pub(super) fn is_behind(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether it is worth looking again soon, because nothing will be said when it goes on.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked && self.is_behind()
    }

    /// Takes what has come. Returns how many frames that was.
    pub(super) fn drain(&mut self, batch: &mut Batch) -> Result<usize, Violation> {
        if let Some(violation) = self.damaged {
            return Err(violation);
        }
        let mut frames = 0;
        let bytes_before = batch.bytes.len();
        while frames < DRAIN_MAX && batch.bytes.len() - bytes_before < DRAIN_BYTES_MAX {
            let read = match &mut self.incoming {
                Some((_, payload)) => Response::read(&mut self.results, payload)?,
                None => {
                    let from = batch.bytes.len();
                    let read = Response::read(&mut self.results, &mut batch.bytes)?;
                    if let Some(response) = read {
                        frames += 1;
                        self.first_piece(response, from, batch)?;
                        continue;
                    }
                    read
                }
            };
            let Some(response) = read else { break };
            frames += 1;
            self.next_piece(response, batch)?;
        }
        if frames > 0 {
            // It may wait for the room that was made.
            let alarm = self.channel.worker_alarm();
            if alarm.take() {
                alarm.wake();
            }
        }
        Ok(frames)
    }

    /// Whether there is something to take, or a part of it was taken.
    pub(super) fn has_results(&self) -> bool {
        self.incoming.is_some() || self.results.has_frames()
    }

    fn first_piece(
        &mut self,
        response: Response,
        from: usize,
        batch: &mut Batch,
    ) -> Result<(), Violation> {
        let length = (batch.bytes.len() - from) as u64;
        match response.kind {
            ResponseKind::Ready if self.stage == Stage::Starting && response.total == length => {
                self.ready = Some(batch.bytes.split_off(from));
                Ok(())
            }
            ResponseKind::Outcome if response.total == length => {
                let flight = self.take_result(response)?;
                let started_ns = now_ns_before(response.took_ns, flight.has_retries());
                batch.end(flight, Ending::Encoded(from..from + length as usize), started_ns);
                Ok(())
            }
            ResponseKind::Laden if response.total == length => {
                let message = batch.bytes.split_off(from);
                self.unload(response, message, batch)
            }
            ResponseKind::Outcome | ResponseKind::Ready | ResponseKind::Laden
                if response.total > length && response.total <= OUTCOME_MAX =>
            {
                let mut payload = Vec::with_capacity(response.total.min(RESERVE_MAX) as usize);
                payload.extend_from_slice(&batch.bytes[from..]);
                batch.bytes.truncate(from);
                self.incoming = Some((response, payload));
                Ok(())
            }
            _ => Err(Violation("a response came out of turn")),
        }
    }

    fn next_piece(&mut self, response: Response, batch: &mut Batch) -> Result<(), Violation> {
        let Some((first, payload)) = self.incoming.take() else {
            return Err(Violation("a piece of an outcome came out of turn"));
        };
        let length = payload.len() as u64;
        let belongs = response.kind == ResponseKind::More && response.number == first.number;
        if !belongs || length > first.total {
            return Err(Violation("a piece of an outcome belongs to another one"));
        }
        if length < first.total {
            self.incoming = Some((first, payload));
        } else if first.kind == ResponseKind::Ready {
            self.ready = Some(payload);
        } else if first.kind == ResponseKind::Laden {
            return self.unload(first, payload, batch);
        } else {
            let flight = self.take_result(first)?;
            let started_ns = now_ns_before(first.took_ns, flight.has_retries());
            batch.end(flight, Ending::Whole(payload), started_ns);
        }
        Ok(())
    }

    /// Takes an outcome that is described by a message. Its descriptors were sent before it.
    fn unload(
        &mut self,
        response: Response,
        message: Vec<u8>,
        batch: &mut Batch,
    ) -> Result<(), Violation> {
        let announced = Announced::read(message).map_err(Violation)?;
        let fds = match (&self.control, announced.fds()) {
            (_, 0) => Some(Vec::new()),
            (Some(control), count) => self.courier.hear(control, response.number, count)?,
            (None, _) => return Err(Violation("an outcome came before the worker had reported")),
        };
        let flight = self.take_result(response)?;
        let started_ns = now_ns_before(response.took_ns, flight.has_retries());
        let arrived = match fds {
            Some(fds) => announced.arrive(fds, &mut self.inbox),
            None => {
                Err("this process has too many open files to take what belongs to the result; \
                         raise their limit, or keep fewer"
                    .to_owned())
            }
        };
        let ending = match arrived {
            Ok(arrived) => Ending::Laden(Box::new(arrived)),
            Err(why) => Ending::Failed(TaskError::new(TaskErrorKind::Codec, why)),
        };
        batch.end(flight, ending, started_ns);
        Ok(())
    }

    /// Gives back the memory of segments that nobody has used for `idle`. Whether there are any.
    pub(super) fn trim(&mut self, idle: Duration) -> bool {
        self.outbox.trim(idle);
        self.inbox.sweep();
        self.outbox.statistics().segments > 0
    }

    fn take_result(&mut self, response: Response) -> Result<Flight, Violation> {
        let flight = self
            .take(response.number)
            .ok_or(Violation("an outcome came for a task that the worker does not have"))?;
        let took = response.took_ns.clamp(1, u64::MAX / 16);
        self.pace_ns = match self.pace_ns {
            0 => took,
            pace => (pace * 7 + took) / 8,
        };
        Ok(flight)
    }

    /// Takes a task out of the list.
    fn take(&mut self, number: u64) -> Option<Flight> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let flight = self.flights.get_mut(index)?.take()?;
        self.live -= 1;
        self.limited -= usize::from(flight.is_limited());
        while let Some(None) = self.flights.front() {
            self.flights.pop_front();
            self.first += 1;
        }
        Some(flight)
    }

    /// The tasks it has, with their numbers, the oldest first.
    pub(super) fn flights(&self) -> impl DoubleEndedIterator<Item = (u64, &Flight)> {
        let first = self.first;
        let all = self.flights.iter().enumerate();
        all.filter_map(move |(index, flight)| Some((first + index as u64, flight.as_ref()?)))
    }

    /// The number of the task of this id.
    pub(super) fn number_of(&self, id: u64) -> Option<u64> {
        self.flights().find(|(_, flight)| flight.id == id).map(|(number, _)| number)
    }

    /// Takes a task back, if it has not begun.
    pub(super) fn revoke(&mut self, number: u64) -> Option<Flight> {
        if !self.slots.revoke(number) {
            return None;
        }
        for unsent in &mut self.unsent {
            unsent.aborted |= unsent.number == number;
        }
        self.assigned -= 1;
        let mut flight = self.take(number)?;
        flight.unpack(&mut self.outbox);
        Some(flight)
    }

    /// Takes back all that have not begun but at most `count`, the newest first, and returns them in
    /// the order of their numbers.
    pub(super) fn revoke_newest(&mut self, count: usize) -> VecDeque<Flight> {
        let mut numbers: Vec<u64> = self.flights().rev().map(|(number, _)| number).collect();
        numbers.truncate(count);
        let mut taken = VecDeque::new();
        for number in numbers {
            match self.revoke(number) {
                Some(flight) => taken.push_front(flight),
                // Those before it have begun too.
                None => break,
            }
        }
        taken
    }

    /// The task that runs, and since when.
    pub(super) fn running(&self) -> Option<(u64, u64)> {
        // Those before it have ended, and have results that were not read yet; those after it
        // have not begun.
        self.flights()
            .take(DRAIN_MAX)
            .map_while(|(number, _)| match self.slots.state(number) {
                Ok(SlotState::Ready) | Err(_) => None,
                Ok(state) => Some((number, state)),
            })
            .filter_map(|(number, state)| match state {
                SlotState::Started { at_ns: 0 } => Some((number, now_ns())),
                SlotState::Started { at_ns } => Some((number, at_ns)),
                _ => None,
            })
            .last()
    }

    /// The same task.
    pub(super) fn running_flight(&self) -> Option<&Flight> {
        let (running, _since) = self.running()?;
        self.flights().find(|(number, _)| *number == running).map(|(_, flight)| flight)
    }

    /// All tasks of a worker that is dead, after everything it wrote was taken: those that it had
    /// begun, and those that it had not.
    pub(super) fn dissolve(&mut self) -> (Vec<Flight>, VecDeque<Flight>) {
        let (mut begun, mut waiting) = (Vec::new(), VecDeque::new());
        let numbers: Vec<u64> = self.flights().map(|(number, _)| number).collect();
        for number in numbers {
            let has_not_begun = matches!(self.slots.state(number), Ok(SlotState::Ready));
            match self.take(number) {
                Some(mut flight) if has_not_begun => {
                    flight.unpack(&mut self.outbox);
                    waiting.push_back(flight);
                }
                Some(flight) => begun.push(flight),
                None => {}
            }
        }
        (begun, waiting)
    }
}

/// Sends the descriptors of a task; false if that is not possible now. A worker that is about to
/// end takes none, and its tasks come back when it has ended.
fn send_beside(
    control: Option<&UnixStream>,
    number: u64,
    packed: &Packed,
) -> Result<bool, Violation> {
    if packed.fds.is_empty() {
        return Ok(true);
    }
    let Some(control) = control else { return Ok(false) };
    match send_descriptors(control, number, &packed.fds) {
        Ok(()) => Ok(true),
        Err(Unsent::All) => Ok(false),
        Err(Unsent::Some) => Err(Violation("the worker took only some descriptors of a task")),
    }
}

/// When something began that took so long, if anybody wants to know.
fn now_ns_before(took_ns: u64, wanted: bool) -> u64 {
    if wanted { now_ns().saturating_sub(took_ns) } else { 0 }
}
