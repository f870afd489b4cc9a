//! An encoded value with its attachments as bytes and descriptors, for a way that carries both.
//!
//! The first byte says how the rest is understood: as the encoded value itself, or as the lengths of
//! the parts of frozen memory, whose descriptor comes first. Its first part is the encoded value then,
//! the others are the payloads.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::attachments::Attachments;
use super::{MemoryError, frozen};

const INLINE: u8 = 0;
const FROZEN: u8 = 1;

/// The longest encoded value that is not put into frozen memory, in bytes.
pub(crate) const INLINE_MAX: usize = 64 * 1024;

/// Appends the message to `bytes` and returns the descriptors that go with it.
///
/// # Errors
/// If there is no memory or descriptor for what is large.
pub(crate) fn pack(
    encoded: &[u8],
    attachments: Attachments,
    bytes: &mut Vec<u8>,
) -> Result<Vec<Arc<OwnedFd>>, MemoryError> {
    let Attachments { fds, payloads } = attachments;
    if encoded.len() <= INLINE_MAX && payloads.is_empty() {
        bytes.reserve(1 + encoded.len());
        bytes.push(INLINE);
        bytes.extend_from_slice(encoded);
        return Ok(fds);
    }
    let mut parts = vec![encoded];
    parts.extend(payloads.iter().map(|payload| &payload[..]));
    let memory = Arc::new(frozen::freeze("manyhands-message", &parts)?);
    bytes.push(FROZEN);
    for part in &parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
    }
    Ok([memory].into_iter().chain(fds).collect())
}

/// The encoded value and the attachments of a message.
///
/// # Errors
/// If it is no message, or its memory is not what it says.
pub(crate) fn unpack(
    bytes: &[u8],
    fds: Vec<Arc<OwnedFd>>,
) -> Result<(bytes::Bytes, Attachments), MemoryError> {
    let malformed = || MemoryError::codec("the bytes are no message");
    match bytes.split_first() {
        Some((&INLINE, encoded)) => {
            let encoded = bytes::Bytes::copy_from_slice(encoded);
            Ok((encoded, Attachments { fds, payloads: Vec::new() }))
        }
        Some((&FROZEN, lengths)) => {
            let (lengths, []) = lengths.as_chunks::<8>() else { return Err(malformed()) };
            let lengths: Vec<u64> =
                lengths.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
            let mut fds = fds.into_iter();
            let memory = fds.next().ok_or_else(malformed)?;
            let mut parts = frozen::open(&memory, &lengths)?.into_iter();
            let encoded = parts.next().ok_or_else(malformed)?;
            Ok((encoded, Attachments { fds: fds.collect(), payloads: parts.collect() }))
        }
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_values_and_payloads_come_out_as_they_went_in() {
        let fd = Arc::new(frozen::freeze("test", &[]).unwrap());
        for (length, payloads) in [(0, 0), (10, 0), (INLINE_MAX, 0), (INLINE_MAX + 1, 0), (5, 3)] {
            let encoded = vec![7; length];
            let payloads = vec![bytes::Bytes::from_static(b"payload"); payloads];
            let attachments = Attachments { fds: vec![Arc::clone(&fd)], payloads };
            let mut bytes = Vec::new();
            let fds = pack(&encoded, attachments.clone(), &mut bytes).unwrap();
            let (unpacked, beside) = unpack(&bytes, fds).unwrap();
            assert!(unpacked == encoded, "{length}");
            assert_eq!(beside.payloads, attachments.payloads);
            assert!(beside.fds.len() == 1 && Arc::ptr_eq(&beside.fds[0], &fd));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let fds = || vec![Arc::new(frozen::freeze("test", &[b"four"]).unwrap())];
        for junk in [&[][..], &[2], &[1], &[1, 4], &[1, 9, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(unpack(junk, fds()).is_err(), "{junk:?}");
        }
        assert!(unpack(&[1, 4, 0, 0, 0, 0, 0, 0, 0], Vec::new()).is_err());
        assert_eq!(unpack(&[1, 4, 0, 0, 0, 0, 0, 0, 0], fds()).unwrap().0, "four");
    }
}
