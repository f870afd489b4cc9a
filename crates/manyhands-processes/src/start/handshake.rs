//! What parent and child tell each other when a process starts, as bytes.
//!
//! Each message is a frame: its length, then two values in postcard, the sender's [`Identity`] and
//! the message itself. The identity stands by itself so that processes of different versions can
//! still say that they differ. Everything is decoded as if it came from somebody else: lengths are
//! capped before anything is allocated, and bytes that are left over are an error.

use serde::{Deserialize, Serialize};

use super::role::Role;
use crate::image::Identity;

/// The longest frame, without its length. Longer data goes beside it.
pub(crate) const FRAME_MAX: usize = 64 * 1024;

/// How many bytes say how long a frame is.
pub(crate) const LENGTH_BYTES: usize = 4;

/// What the parent says; descriptors come with it: the parent's pidfd, the service socket, the
/// payload if it is beside, and then those of the role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) memory_limit: Option<u64>,
    /// How many descriptors are for the role.
    pub(crate) fds: u8,
    pub(crate) payload: Payload,
}

/// The role's own data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Payload {
    /// Here.
    Inline(Vec<u8>),
    /// In a file in memory, so many bytes.
    Beside(u64),
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is what it should be and begins.
    Ready,
    /// It will not do, for this reason, and ends.
    Refused(String),
}

/// A message as it was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decoded<T> {
    /// From the same binary.
    Same(T),
    /// From another binary; the rest means nothing.
    Other(Identity),
}

/// A frame with its length.
///
/// # Errors
/// If it would be too long.
pub(crate) fn encode<T: Serialize>(identity: &Identity, message: &T) -> Result<Vec<u8>, String> {
    let mut frame = vec![0; LENGTH_BYTES];
    let encoding = |error: postcard::Error| format!("a message was not encoded: {error}");
    frame = postcard::to_extend(identity, frame).map_err(encoding)?;
    frame = postcard::to_extend(message, frame).map_err(encoding)?;
    let length = frame.len() - LENGTH_BYTES;
    if length > FRAME_MAX {
        return Err(format!("a message of {length} bytes is too long: at most {FRAME_MAX}"));
    }
    frame[..LENGTH_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(frame)
}

/// How long the frame is that follows.
///
/// # Errors
/// If no frame is so long.
pub(crate) fn decode_length(bytes: [u8; LENGTH_BYTES]) -> Result<usize, String> {
    let length = u32::from_le_bytes(bytes) as usize;
    match length {
        1..=FRAME_MAX => Ok(length),
        _ => Err(format!("a message cannot have {length} bytes")),
    }
}

/// What is in a frame, without its length.
///
/// # Errors
/// If it is not what was said to be there.
pub(crate) fn decode<'f, T: Deserialize<'f>>(
    ours: &Identity,
    frame: &'f [u8],
) -> Result<Decoded<T>, String> {
    let (identity, rest) = postcard::take_from_bytes::<Identity>(frame)
        .map_err(|error| format!("the other side did not say what it is: {error}"))?;
    if &identity != ours {
        return Ok(Decoded::Other(identity));
    }
    let (message, rest) = postcard::take_from_bytes::<T>(rest)
        .map_err(|error| format!("a message was not understood: {error}"))?;
    match rest.len() {
        0 => Ok(Decoded::Same(message)),
        more => Err(format!("a message has {more} bytes too many")),
    }
}
