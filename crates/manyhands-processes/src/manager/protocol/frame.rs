//! Frames: a length, a fixed header, and a payload.
//!
//! Numbers are little endian. The length counts what follows it.
//!
//! ```text
//! request   length:4 kind:1 fds:1 wants_answer:1 session:8 request:8 owner:8 object:8 function:8 payload
//! answer    length:4 kind:1 fds:1 session:8 request:8 payload
//! farewell  length:4 kind:1 session:8
//! ```
//!
//! So many descriptors come with the first byte of a frame.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// The longest frame that is sent or taken, in bytes.
pub(crate) const FRAME_MAX: usize = 256 << 20;

/// How many descriptors travel with a frame; the operating system's limit is 253.
pub(crate) const FDS_MAX: usize = 250;

const LENGTH: usize = 4;
/// Where in a frame the number of its descriptors is.
pub(crate) const FDS: usize = LENGTH + 1;
const CALL: u8 = 1;
const WITHDRAW: u8 = 2;
const ACCEPT: u8 = 3;
const VALUE: u8 = 4;
const FAILED: u8 = 5;
const GONE: u8 = 6;

/// For whom a request is made, and which of theirs it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestId {
    /// 0 is the process at the other end; others are processes that it has started.
    pub(crate) session: u64,
    pub(crate) request: u64,
}

/// What a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// The process that has the object.
    pub(crate) owner: u64,
    pub(crate) object: u64,
}

/// What somebody asks of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) target: Target,
    pub(crate) verb: Verb,
}

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// The function at this offset is called with the payload.
    Call { function: u64, wants_answer: bool },
    /// Nobody waits for the answer any more; what it gives is given back.
    Withdraw,
    /// What the answer gave has arrived.
    Accept,
}

/// What goes over beside the bytes of a frame.
pub(crate) type Fds = Vec<Arc<OwnedFd>>;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload<'a> {
    pub(crate) bytes: &'a [u8],
    /// How many descriptors come with it.
    pub(crate) fds: usize,
}

/// A frame that was received.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Request(Request, Payload<'a>),
    /// The answer is a value, or an error.
    Answer {
        id: RequestId,
        is_value: bool,
        payload: Payload<'a>,
    },
    /// The process of this session has ended.
    Gone {
        session: u64,
    },
}

/// The other side does not keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameError {
    Length(usize),
    Kind(u8),
    Header,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Length(length) => {
                write!(f, "a frame of {length} bytes, where at most {FRAME_MAX} are taken")
            }
            FrameError::Kind(kind) => write!(f, "a frame of the unknown kind {kind}"),
            FrameError::Header => f.write_str("a frame that is shorter than its header"),
        }
    }
}

/// Looks for a whole frame at the beginning of `bytes`: the frame and its length, or `None` if more
/// must be received first.
pub(crate) fn split(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else { return Ok(None) };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > FRAME_MAX {
        return Err(FrameError::Length(length));
    }
    match rest.get(..length) {
        Some(body) => Ok(Some((parse(body)?, LENGTH + length))),
        None => Ok(None),
    }
}

/// How many bytes the frame at the beginning has in all, if its length has arrived.
pub(crate) fn announced(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.first_chunk::<LENGTH>()?);
    usize::try_from(length).ok()?.checked_add(LENGTH)
}

fn parse(body: &[u8]) -> Result<Frame<'_>, FrameError> {
    let (&kind, mut rest) = body.split_first().ok_or(FrameError::Header)?;
    match kind {
        CALL | WITHDRAW | ACCEPT => {
            let fds = byte(&mut rest)?.into();
            let wants_answer = byte(&mut rest)?;
            let id = RequestId { session: number(&mut rest)?, request: number(&mut rest)? };
            let target = Target { owner: number(&mut rest)?, object: number(&mut rest)? };
            let function = number(&mut rest)?;
            let verb = match kind {
                CALL => Verb::Call { function, wants_answer: wants_answer != 0 },
                WITHDRAW => Verb::Withdraw,
                _ => Verb::Accept,
            };
            Ok(Frame::Request(Request { id, target, verb }, Payload { bytes: rest, fds }))
        }
        VALUE | FAILED => {
            let fds = byte(&mut rest)?.into();
            let id = RequestId { session: number(&mut rest)?, request: number(&mut rest)? };
            let payload = Payload { bytes: rest, fds };
            Ok(Frame::Answer { id, is_value: kind == VALUE, payload })
        }
        GONE => Ok(Frame::Gone { session: number(&mut rest)? }),
        other => Err(FrameError::Kind(other)),
    }
}

fn byte(bytes: &mut &[u8]) -> Result<u8, FrameError> {
    let (byte, rest) = bytes.split_first().ok_or(FrameError::Header)?;
    *bytes = rest;
    Ok(*byte)
}

fn number(bytes: &mut &[u8]) -> Result<u64, FrameError> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or(FrameError::Header)?;
    *bytes = rest;
    Ok(u64::from_le_bytes(*number))
}

/// Appends a request whose payload `write` appends; returns what has to go with it. If that fails nothing
/// is appended.
pub(crate) fn push_request<E: From<TooLarge>>(
    out: &mut Vec<u8>,
    request: &Request,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Fds, E>,
) -> Result<Fds, E> {
    push(out, |out| {
        let (kind, wants_answer, function) = match request.verb {
            Verb::Call { function, wants_answer } => (CALL, u8::from(wants_answer), function),
            Verb::Withdraw => (WITHDRAW, 0, 0),
            Verb::Accept => (ACCEPT, 0, 0),
        };
        out.extend_from_slice(&[kind, 0, wants_answer]);
        let Request { id, target, .. } = request;
        for number in [id.session, id.request, target.owner, target.object, function] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        write(out)
    })
}

/// Appends an answer whose payload `write` appends; returns what has to go with it. If that fails nothing is
/// appended.
pub(crate) fn push_answer<E: From<TooLarge>>(
    out: &mut Vec<u8>,
    id: RequestId,
    is_value: bool,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Fds, E>,
) -> Result<Fds, E> {
    push(out, |out| {
        out.extend_from_slice(&[if is_value { VALUE } else { FAILED }, 0]);
        out.extend_from_slice(&id.session.to_le_bytes());
        out.extend_from_slice(&id.request.to_le_bytes());
        write(out)
    })
}

/// Appends that the process of this session has ended.
pub(crate) fn push_gone(out: &mut Vec<u8>, session: u64) {
    let _never_too_large = push::<TooLarge>(out, |out| {
        out.push(GONE);
        out.extend_from_slice(&session.to_le_bytes());
        Ok(Fds::new())
    });
}

/// A frame would be longer than [`FRAME_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge(pub(crate) usize);

fn push<E: From<TooLarge>>(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Fds, E>,
) -> Result<Fds, E> {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    let written = write(out).and_then(|fds| {
        let length = out.len() - start - LENGTH;
        match u32::try_from(length) {
            Ok(counted) if length <= FRAME_MAX => Ok((counted, fds)),
            _ => Err(TooLarge(length).into()),
        }
    });
    match written {
        Ok((length, fds)) => {
            out[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
            if !fds.is_empty() {
                // Whoever encodes keeps to the limit.
                out[start + FDS] = u8::try_from(fds.len()).unwrap_or(u8::MAX);
            }
            Ok(fds)
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
