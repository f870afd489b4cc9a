//! Bytes that travel to another process beside the encoded value instead of in it.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Deref, RangeBounds};

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::attachments;

/// From this length on, in bytes, payloads travel beside the encoded value: through memory that
/// sender and receiver share.
pub(crate) const ATTACHED_MIN: usize = 64 * 1024;

/// Bytes that are cheap to clone, to slice, and to send to a worker or process.
///
/// The same as [`bytes::Bytes`], and converted from and to it at no cost. What it has in addition is
/// the way it travels: a `Vec<u8>` as an argument is encoded element by element, which takes some
/// twenty times as long as copying it; `Bytes` are copied once, those of 64 KiB and more into memory
/// that the receiver has already mapped. A worker reads its argument there in place; a result is
/// copied out once more, because the worker that sent it could still change it.
///
/// Encoded for anybody else, by any format of serde, it is a sequence of bytes.
///
/// A worker that keeps `Bytes` keeps the memory that they came in.
///
/// ```
/// use manyhands_processes::Bytes;
///
/// let all = Bytes::from(b"many hands".to_vec());
/// let hands = all.slice(5..);
/// assert_eq!(&hands[..], b"hands");
/// assert_eq!(bytes::Bytes::from(hands), "hands");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(bytes::Bytes);

impl Bytes {
    /// No bytes.
    pub const fn new() -> Bytes {
        Bytes(bytes::Bytes::new())
    }

    /// Bytes of the program itself.
    pub const fn from_static(bytes: &'static [u8]) -> Bytes {
        Bytes(bytes::Bytes::from_static(bytes))
    }

    /// A copy of these bytes.
    pub fn copy_from_slice(bytes: &[u8]) -> Bytes {
        Bytes(bytes::Bytes::copy_from_slice(bytes))
    }

    /// A part of the bytes, without a copy.
    ///
    /// # Panics
    /// If the range reaches beyond the end.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Bytes {
        Bytes(self.0.slice(range))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! from {
    ($($source:ty),+) => {$(
        impl From<$source> for Bytes {
            fn from(bytes: $source) -> Bytes {
                Bytes(bytes::Bytes::from(bytes))
            }
        }
    )+};
}

from!(Vec<u8>, Box<[u8]>, String, &'static [u8], &'static str);

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Bytes {
        Bytes(bytes)
    }
}

impl From<Bytes> for bytes::Bytes {
    fn from(bytes: Bytes) -> bytes::Bytes {
        bytes.0
    }
}

impl From<Bytes> for Vec<u8> {
    /// Without a copy if nobody else has the bytes and they did not come from another process.
    fn from(bytes: Bytes) -> Vec<u8> {
        Vec::from(bytes.0)
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Bytes {
        Bytes(bytes.into_iter().collect())
    }
}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        self.0 == *other
    }
}

/// The encoded form of formats that are not for people.
#[derive(Deserialize)]
#[serde(rename = "Bytes")]
enum Wire {
    Inline(Inline),
    Attached { payload: u32, length: u64 },
}

#[derive(Serialize)]
#[serde(rename = "Bytes")]
enum WireRef<'a> {
    Inline(InlineRef<'a>),
    Attached { payload: u32, length: u64 },
}

struct Inline(bytes::Bytes);

struct InlineRef<'a>(&'a [u8]);

impl Serialize for InlineRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Inline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Inline, D::Error> {
        deserializer.deserialize_byte_buf(InlineVisitor)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return InlineRef(self).serialize(serializer);
        }
        let length = self.len() as u64;
        let attached =
            if self.len() >= ATTACHED_MIN { attachments::attach_payload(&self.0) } else { None };
        match attached {
            Some(payload) => WireRef::Attached { payload, length },
            None => WireRef::Inline(InlineRef(self)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        if deserializer.is_human_readable() {
            return Inline::deserialize(deserializer).map(|inline| Bytes(inline.0));
        }
        match Wire::deserialize(deserializer)? {
            Wire::Inline(inline) => Ok(Bytes(inline.0)),
            Wire::Attached { payload, length } => attachments::payload(payload)
                .filter(|bytes| bytes.len() as u64 == length)
                .map(Bytes)
                .ok_or_else(|| {
                    let why = format!(
                        "the payload number {payload} of {length} bytes did not come with the \
                         value"
                    );
                    attachments::failure(why, de::Error::custom)
                }),
        }
    }
}

struct InlineVisitor;

impl<'de> Visitor<'de> for InlineVisitor {
    type Value = Inline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Inline, E> {
        Ok(Inline(bytes::Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Inline, E> {
        Ok(Inline(bytes::Bytes::from(bytes)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Inline, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Inline, A::Error> {
        let mut bytes = Vec::with_capacity(elements.size_hint().unwrap_or(0).min(4096));
        while let Some(byte) = elements.next_element()? {
            bytes.push(byte);
        }
        Ok(Inline(bytes::Bytes::from(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::attachments::{Attachments, collect, provide};

    #[test]
    fn large_bytes_travel_beside_the_value_and_small_ones_in_it() {
        for (length, attached) in [(0, 0), (ATTACHED_MIN - 1, 0), (ATTACHED_MIN, 1), (1 << 20, 1)] {
            let bytes = Bytes::from(vec![7; length]);
            let (encoded, attachments) = collect(|| postcard::to_stdvec(&bytes).unwrap());
            assert_eq!(attachments.payloads.len(), attached);
            assert!(attached == 0 || encoded.len() < 20, "{}", encoded.len());
            let decoded = provide(attachments, || postcard::from_bytes::<Bytes>(&encoded));
            let decoded = decoded.unwrap();
            assert_eq!(decoded, bytes);
            assert!(attached == 0 || decoded.as_ptr() == bytes.as_ptr(), "no copy beside it");
        }
    }

    #[test]
    fn bytes_are_a_sequence_for_everybody_else() {
        let bytes = Bytes::from(vec![9; ATTACHED_MIN + 1]);
        let encoded = postcard::to_stdvec(&bytes).unwrap();
        assert_eq!(postcard::from_bytes::<Bytes>(&encoded).unwrap(), bytes);
    }

    #[test]
    fn a_payload_that_did_not_come_is_an_error() {
        let large = Bytes::from(vec![7; ATTACHED_MIN]);
        let (encoded, attachments) = collect(|| postcard::to_stdvec(&large).unwrap());
        assert!(postcard::from_bytes::<Bytes>(&encoded).is_err());
        assert!(
            provide(Attachments::default(), || postcard::from_bytes::<Bytes>(&encoded)).is_err()
        );
        assert!(attachments::take_failure().unwrap().contains("65536 bytes"));
        // Neither is one of another length taken for it.
        let shorter = Attachments { payloads: vec![large.0.slice(1..)], ..attachments };
        assert!(provide(shorter, || postcard::from_bytes::<Bytes>(&encoded)).is_err());
    }
}
