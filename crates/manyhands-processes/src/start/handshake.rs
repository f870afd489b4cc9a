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

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers in every run (xorshift64*).
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }

        fn below(&mut self, end: usize) -> usize {
            (self.next() % end as u64) as usize
        }

        fn bytes(&mut self, length: usize) -> Vec<u8> {
            (0..length).map(|_| self.next() as u8).collect()
        }
    }

    fn ours() -> &'static Identity {
        Identity::of_this_process()
    }

    fn hello() -> Hello {
        Hello {
            role: Role::Process,
            name: "one of many".to_owned(),
            memory_limit: Some(1 << 30),
            fds: 2,
            payload: Payload::Inline(vec![7; 40]),
        }
    }

    /// Decoding never panics, and what it makes is no larger than what it was made of.
    fn check(frame: &[u8]) {
        if let Ok(Decoded::Same(hello)) = decode::<Hello>(ours(), frame) {
            assert!(hello.name.len() <= frame.len());
            if let Payload::Inline(payload) = hello.payload {
                assert!(payload.len() <= frame.len());
            }
        }
        if let Ok(Decoded::Same(Answer::Refused(why))) = decode::<Answer>(ours(), frame) {
            assert!(why.len() <= frame.len());
        }
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let frame = encode(ours(), &hello()).unwrap();
        let (length, rest) = frame.split_first_chunk().unwrap();
        assert_eq!(decode_length(*length).unwrap(), rest.len());
        assert_eq!(decode(ours(), rest), Ok(Decoded::Same(hello())));
        for answer in [Answer::Ready, Answer::Refused("no room".to_owned())] {
            let frame = encode(ours(), &answer).unwrap();
            assert_eq!(decode(ours(), &frame[LENGTH_BYTES..]), Ok(Decoded::Same(answer)));
        }
    }

    #[test]
    fn another_binary_is_told_from_nonsense_whatever_follows() {
        let theirs =
            Identity { protocol: 7, target: "elsewhere".into(), image: ours().image.clone() };
        let mut frame = encode(&theirs, &hello()).unwrap();
        assert_eq!(decode::<Hello>(ours(), &frame[4..]), Ok(Decoded::Other(theirs.clone())));
        frame.truncate(frame.len() - 20);
        frame.extend_from_slice(&[0xff; 50]);
        assert_eq!(decode::<Hello>(ours(), &frame[4..]), Ok(Decoded::Other(theirs)));
    }

    #[test]
    fn lengths_are_capped() {
        assert!(decode_length([0; 4]).is_err());
        assert!(decode_length([0xff; 4]).is_err());
        assert!(decode_length((FRAME_MAX as u32 + 1).to_le_bytes()).is_err());
        assert_eq!(decode_length((FRAME_MAX as u32).to_le_bytes()), Ok(FRAME_MAX));
        let long = Hello { payload: Payload::Inline(vec![0; FRAME_MAX]), ..hello() };
        assert!(encode(ours(), &long).unwrap_err().contains("too long"));
    }

    #[test]
    fn a_frame_that_is_cut_short_or_has_more_is_an_error() {
        let frame = encode(ours(), &hello()).unwrap().split_off(LENGTH_BYTES);
        for length in 0..frame.len() {
            assert!(decode::<Hello>(ours(), &frame[..length]).is_err(), "{length}");
        }
        let more = [&frame[..], &[0]].concat();
        assert!(decode::<Hello>(ours(), &more).unwrap_err().contains("too many"));
    }

    #[test]
    fn random_bytes_are_never_taken_for_a_message() {
        let mut numbers = Numbers(0x6d61_6e79_6861_6e64);
        for _ in 0..20_000 {
            let length = numbers.below(200);
            let frame = numbers.bytes(length);
            assert!(!matches!(decode::<Hello>(ours(), &frame), Ok(Decoded::Same(_))));
            assert!(!matches!(decode::<Answer>(ours(), &frame), Ok(Decoded::Same(_))));
        }
    }

    #[test]
    fn mutations_of_a_message_are_messages_or_errors() {
        let mut numbers = Numbers(0x7374_6172_7400_0001);
        let whole = encode(ours(), &hello()).unwrap().split_off(LENGTH_BYTES);
        for _ in 0..50_000 {
            let mut frame = whole.clone();
            for _ in 0..=numbers.below(4) {
                let at = numbers.below(frame.len());
                match numbers.below(4) {
                    0 => frame[at] = numbers.next() as u8,
                    1 => frame[at] ^= 1 << numbers.below(8),
                    2 => drop(frame.splice(at..at, [0xff; 9])),
                    _ => frame.truncate(at.max(1)),
                }
            }
            check(&frame);
        }
    }

    #[test]
    fn the_message_behind_a_true_identity_may_be_anything() {
        let mut numbers = Numbers(0x7374_6172_7400_0002);
        let identity = postcard::to_stdvec(ours()).unwrap();
        for _ in 0..50_000 {
            let length = numbers.below(60);
            check(&[&identity[..], &numbers.bytes(length)].concat());
        }
    }
}
