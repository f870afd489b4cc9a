//! Tests of frames: what is written is read, and what nobody wrote does no harm.

use super::*;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn payload(out: &mut Vec<u8>, bytes: &[u8]) -> Result<Fds, TooLarge> {
    out.extend_from_slice(bytes);
    Ok(Fds::new())
}

fn carried(bytes: &'static [u8], fds: usize) -> Payload<'static> {
    Payload { bytes, fds }
}

/// One of each kind, one behind the other, and what they are.
fn all() -> (Vec<u8>, Vec<Frame<'static>>) {
    let mut bytes = Vec::new();
    let mut frames = Vec::new();
    let id = RequestId { session: 3, request: 1 << 40 };
    let target = Target { owner: u64::MAX, object: 12 };
    let call = |wants_answer| Verb::Call { function: 0x5ee0, wants_answer };
    for verb in [call(true), call(false), Verb::Withdraw, Verb::Accept] {
        let request = Request { id, target, verb };
        push_request(&mut bytes, &request, |out| payload(out, b"argument")).unwrap();
        frames.push(Frame::Request(request, carried(b"argument", 0)));
    }
    for is_value in [true, false] {
        push_answer(&mut bytes, id, is_value, |out| payload(out, b"")).unwrap();
        frames.push(Frame::Answer { id, is_value, payload: carried(b"", 0) });
    }
    let fd = Arc::new(crate::memory::memfd::create("test", 1).unwrap());
    let request = Request { id, target, verb: call(true) };
    let beside = |_: &mut Vec<u8>| Ok::<_, TooLarge>(vec![Arc::clone(&fd), Arc::clone(&fd)]);
    assert_eq!(push_request(&mut bytes, &request, beside).unwrap().len(), 2);
    frames.push(Frame::Request(request, carried(b"", 2)));
    assert_eq!(push_answer(&mut bytes, id, true, beside).unwrap().len(), 2);
    frames.push(Frame::Answer { id, is_value: true, payload: carried(b"", 2) });
    push_gone(&mut bytes, 9);
    frames.push(Frame::Gone { session: 9 });
    (bytes, frames)
}

#[test]
fn what_is_written_is_read() {
    let (bytes, frames) = all();
    let mut rest = &bytes[..];
    for expected in frames {
        assert_eq!(announced(rest), split(rest).unwrap().map(|(_, length)| length));
        let (frame, length) = split(rest).unwrap().expect("a whole frame");
        assert_eq!(frame, expected);
        rest = &rest[length..];
    }
    assert_eq!(split(rest), Ok(None));
}

#[test]
fn part_of_a_frame_is_not_one_yet() {
    let (bytes, _) = all();
    let first = announced(&bytes).unwrap();
    for length in 0..first {
        assert_eq!(split(&bytes[..length]), Ok(None));
    }
}

#[test]
fn a_frame_that_is_too_long_is_neither_taken_nor_written() {
    let hostile = ((FRAME_MAX + 1) as u32).to_le_bytes();
    assert_eq!(split(&hostile), Err(FrameError::Length(FRAME_MAX + 1)));
    let mut out = b"before".to_vec();
    let id = RequestId { session: 0, request: 0 };
    let error = push_answer::<TooLarge>(&mut out, id, true, |out| {
        out.resize(out.len() + FRAME_MAX, 0);
        Ok(Fds::new())
    });
    assert!(error.is_err());
    assert_eq!(out, b"before", "nothing is left of it");
}

#[test]
fn random_bytes_and_changed_frames_are_frames_or_errors() {
    let mut numbers = Numbers(0x6d61_6e79);
    let (good, _) = all();
    for round in 0..200_000 {
        let bytes: Vec<u8> = if round % 2 == 0 {
            let length = numbers.below(80);
            let mut bytes: Vec<u8> = (0..length).map(|_| numbers.next() as u8).collect();
            if let Some(head) = bytes.first_chunk_mut::<4>() {
                // Lengths that are nearly right are the interesting ones.
                *head = (numbers.below(80) as u32).to_le_bytes();
            }
            bytes
        } else {
            let mut bytes = good[..numbers.below(good.len() + 1)].to_vec();
            for _ in 0..=numbers.below(4) {
                if !bytes.is_empty() {
                    let at = numbers.below(bytes.len());
                    bytes[at] ^= 1 << numbers.below(8);
                }
            }
            bytes
        };
        let mut rest = &bytes[..];
        while let Ok(Some((_, length))) = split(rest) {
            assert!((LENGTH..=rest.len()).contains(&length));
            rest = &rest[length..];
        }
    }
}
