//! The frames in the two rings.
//!
//! A payload that is larger than [`PIECE_MAX`] goes in pieces: a frame that opens it and says how
//! long all of it is, and frames with the rest. Nothing else comes in between.

use super::ring::{Consumer, Producer, Violation};

/// The greatest payload of one frame, in bytes.
pub(crate) const PIECE_MAX: usize = 64 * 1024;

/// What a request frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// A task with its argument, or the first piece of it.
    Call,
    /// The same, with a message about the argument in its place.
    Laden,
    /// The next piece of an argument.
    More,
    /// The rest of an argument does not come: the task was taken back.
    Abort,
}

/// The header of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) kind: RequestKind,
    /// The task's number on this channel.
    pub(crate) number: u64,
    /// Where function and trampoline are, as offsets in the image.
    pub(crate) function: u64,
    pub(crate) trampoline: u64,
    /// By when the task must have ended, or [`NEVER`](super::NEVER).
    pub(crate) deadline_ns: u64,
    /// How long it may run, or 0 for any time.
    pub(crate) limit_ns: u64,
    /// How long the whole argument is, in bytes.
    pub(crate) total: u64,
    /// The task's number in the parent, for dumps.
    pub(crate) task: u64,
}

/// The header of a request, in words.
pub(crate) const REQUEST_WORDS: usize = 8;

impl Request {
    /// Says that the rest of this task's argument does not come.
    pub(crate) fn abort(number: u64) -> Request {
        Request {
            kind: RequestKind::Abort,
            number,
            function: 0,
            trampoline: 0,
            deadline_ns: 0,
            limit_ns: 0,
            total: 0,
            task: 0,
        }
    }

    /// Writes the frame if there is room.
    pub(crate) fn write(&self, ring: &mut Producer, piece: &[u8]) -> Result<bool, Violation> {
        let kind = match self.kind {
            RequestKind::Call => 1,
            RequestKind::More => 2,
            RequestKind::Abort => 3,
            RequestKind::Laden => 4,
        };
        let header: [u64; REQUEST_WORDS] = [
            first_word(kind, piece),
            self.number,
            self.function,
            self.trampoline,
            self.deadline_ns,
            self.limit_ns,
            self.total,
            self.task,
        ];
        ring.write(&header, piece)
    }

    /// Reads a frame, if there is one, and puts its piece at the end of `payload`.
    pub(crate) fn read(
        ring: &mut Consumer,
        payload: &mut Vec<u8>,
    ) -> Result<Option<Request>, Violation> {
        let mut header = [0; REQUEST_WORDS];
        if !ring.read(&mut header, payload, length_of)? {
            return Ok(None);
        }
        let kind = match kind_of(header[0]) {
            1 => RequestKind::Call,
            2 => RequestKind::More,
            3 => RequestKind::Abort,
            4 => RequestKind::Laden,
            _ => return Err(Violation("a request is of no known kind")),
        };
        let [_, number, function, trampoline, deadline_ns, limit_ns, total, task] = header;
        Ok(Some(Request { kind, number, function, trampoline, deadline_ns, limit_ns, total, task }))
    }
}

/// What a response frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    /// The outcome of a task, or the first piece of it.
    Outcome,
    /// The same, with a message about the outcome in its place.
    Laden,
    /// The next piece of an outcome.
    More,
    /// The worker is ready: the payload is the outcome of its initializer, empty if it has none.
    Ready,
}

/// The header of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) kind: ResponseKind,
    /// The task's number on this channel.
    pub(crate) number: u64,
    /// How long the task has run.
    pub(crate) took_ns: u64,
    /// How long the whole payload is, in bytes.
    pub(crate) total: u64,
}

const RESPONSE_WORDS: usize = 4;

impl Response {
    /// Writes the frame if there is room.
    pub(crate) fn write(&self, ring: &mut Producer, piece: &[u8]) -> Result<bool, Violation> {
        let kind = match self.kind {
            ResponseKind::Outcome => 1,
            ResponseKind::More => 2,
            ResponseKind::Ready => 3,
            ResponseKind::Laden => 4,
        };
        let header: [u64; RESPONSE_WORDS] =
            [first_word(kind, piece), self.number, self.took_ns, self.total];
        ring.write(&header, piece)
    }

    /// Reads a frame, if there is one, and puts its piece at the end of `payload`.
    pub(crate) fn read(
        ring: &mut Consumer,
        payload: &mut Vec<u8>,
    ) -> Result<Option<Response>, Violation> {
        let mut header = [0; RESPONSE_WORDS];
        if !ring.read(&mut header, payload, length_of)? {
            return Ok(None);
        }
        let kind = match kind_of(header[0]) {
            1 => ResponseKind::Outcome,
            2 => ResponseKind::More,
            3 => ResponseKind::Ready,
            4 => ResponseKind::Laden,
            _ => return Err(Violation("a response is of no known kind")),
        };
        let [_, number, took_ns, total] = header;
        Ok(Some(Response { kind, number, took_ns, total }))
    }
}

fn first_word(kind: u64, piece: &[u8]) -> u64 {
    debug_assert!(piece.len() <= PIECE_MAX);
    kind << 32 | piece.len() as u64
}

fn kind_of(first_word: u64) -> u64 {
    first_word >> 32
}

fn length_of(first_word: u64) -> Result<usize, Violation> {
    let length = (first_word & u64::from(u32::MAX)) as usize;
    if length > PIECE_MAX {
        return Err(Violation("a frame claims to be longer than any may be"));
    }
    Ok(length)
}
