//! Arguments and answers as bytes, and what can go wrong with them.
//!
//! Coding calls code of the user's types; a panic there is a failure of the one call.
//!
//! What values leave beside their bytes (`memory/attachments.rs`) goes as descriptors. Then the bytes are
//! a message (`memory/message.rs`), and otherwise the encoded value alone.

use manyhands_executor::catch_panic;
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::{FDS_MAX, FRAME_MAX, Fds, Payload, TooLarge};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::memory::attachments::{self, Attachments};
use crate::memory::message;

/// Appends the encoding of `value`; returns the descriptors that go with it. After a failure, what was
/// appended is of no use.
pub(crate) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<Fds, ManagerError> {
    let start = out.len();
    let (coded, attached) = attachments::collect(|| {
        catch_panic(|| postcard::serialize_with_flavor(value, Append(out)))
    });
    let why = match coded {
        Ok(Ok(())) if attached.is_empty() => return Ok(Fds::new()),
        Ok(Ok(())) => match pack(start, attached, out) {
            Ok(fds) => return Ok(fds),
            Err(why) => why,
        },
        Ok(Err(error)) => explained(&error),
        Err(panic) => panic.to_string(),
    };
    let what = std::any::type_name::<T>();
    Err(ManagerError::new(
        ManagerErrorKind::Codec,
        format!("a value of {what} was not encoded: {why}"),
    ))
}

/// Replaces the encoded value behind `start` by a message with what belongs to it.
fn pack(start: usize, attached: Attachments, out: &mut Vec<u8>) -> Result<Fds, String> {
    let encoded = out.split_off(start);
    let fds = message::pack(&encoded, attached, out).map_err(|error| error.to_string())?;
    if fds.len() > FDS_MAX {
        return Err(format!("it has {} handles, and at most {FDS_MAX} can be sent", fds.len()));
    }
    Ok(fds)
}

fn explained(error: &postcard::Error) -> String {
    attachments::take_failure().unwrap_or_else(|| error.to_string())
}

/// The value that a frame carries, whose descriptors are these.
pub(crate) fn decode_with<T: DeserializeOwned>(
    payload: Payload<'_>,
    fds: Fds,
) -> Result<T, ManagerError> {
    if payload.fds == 0 {
        return decode(payload.bytes);
    }
    if fds.len() != payload.fds {
        return Err(ManagerError::new(
            ManagerErrorKind::Codec,
            format!(
                "of {} handles that came with a value only {} were received: this process has too \
                 many open files (see `ulimit -n`)",
                payload.fds,
                fds.len()
            ),
        ));
    }
    let (encoded, attached) = message::unpack(payload.bytes, fds)
        .map_err(|error| ManagerError::new(ManagerErrorKind::Codec, error.to_string()))?;
    attachments::provide(attached, || decode(&encoded))
}

/// The value that these bytes are the encoding of.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ManagerError> {
    let why = match catch_panic(|| postcard::take_from_bytes(bytes)) {
        Ok(Ok((value, []))) => return Ok(value),
        Ok(Ok((_, rest))) => format!("{} bytes are left over", rest.len()),
        Ok(Err(error)) => explained(&error),
        Err(panic) => panic.to_string(),
    };
    let (what, length) = (std::any::type_name::<T>(), bytes.len());
    Err(ManagerError::new(
        ManagerErrorKind::Codec,
        format!("{length} bytes were not understood as {what}: {why}"),
    ))
}

/// The error that an answer carries.
pub(crate) fn decode_error(bytes: &[u8]) -> ManagerError {
    decode(bytes).unwrap_or_else(|error| error)
}

impl From<TooLarge> for ManagerError {
    fn from(TooLarge(length): TooLarge) -> ManagerError {
        ManagerError::new(
            ManagerErrorKind::TooLarge,
            format!(
                "{length} bytes are more than a call of a managed object can carry ({FRAME_MAX}); \
                 send them in parts, or through shared memory"
            ),
        )
    }
}

/// Appends to bytes that are there already.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serializer};

    #[test]
    fn what_is_encoded_is_decoded_behind_what_was_there() {
        let mut bytes = vec![7];
        encode(&("text", 300_u64), &mut bytes).unwrap();
        assert_eq!(decode::<(String, u64)>(&bytes[1..]).unwrap(), ("text".to_owned(), 300));
    }

    #[test]
    fn bytes_that_are_left_over_are_an_error() {
        let error = decode::<u8>(&[1, 2]).unwrap_err();
        assert_eq!(error.kind(), ManagerErrorKind::Codec);
        assert!(error.message().contains("1 bytes are left over"), "{error}");
    }

    #[derive(Deserialize)]
    struct Unwilling;

    impl Serialize for Unwilling {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("not this one")
        }
    }

    #[test]
    fn a_panic_while_encoding_is_an_error() {
        let error = encode(&Unwilling, &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("not this one"), "{error}");
    }
}
