//! The rings with anything in them, for fuzzers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame::{PIECE_MAX, Request, RequestKind, Response};
use super::region::Region;
use super::ring::{Consumer, Producer, Ring, Violation};

/// Where the ring of a fuzzer has its positions, and its words.
const HEAD: usize = 0;
const TAIL: usize = 1;
const FIRST: usize = 2;

fn ring(region: &Arc<Region>, capacity: usize) -> Ring {
    Ring::new(Arc::clone(region), FIRST, capacity, HEAD, TAIL)
}

thread_local! {
    static LARGE: Arc<Region> = region(LARGE_WORDS);
    static SMALL: Arc<Region> = region(SMALL_WORDS);
}

const LARGE_WORDS: usize = 16 * 1024;
const SMALL_WORDS: usize = 64;

fn region(capacity: usize) -> Arc<Region> {
    let (region, _fd) = Region::create(FIRST + capacity).expect("there is memory for one ring");
    Arc::new(region)
}

/// Frames made of these bytes, between true positions: they are read as requests and as responses.
pub fn channel_frames(bytes: &[u8]) {
    LARGE.with(|region| {
        let words = bytes.chunks(8).take(LARGE_WORDS);
        let count = words.len();
        for (place, word) in region.words()[FIRST..].iter().zip(words) {
            place.store(word_of(word), Ordering::Relaxed);
        }
        read_all(region, count, |consumer, payload| {
            Response::read(consumer, payload).map(|read| read.is_some())
        });
        read_all(region, count, |consumer, payload| {
            Request::read(consumer, payload).map(|read| read.is_some())
        });
    });
}

fn read_all(
    region: &Arc<Region>,
    count: usize,
    read: impl Fn(&mut Consumer, &mut Vec<u8>) -> Result<bool, Violation>,
) {
    region.words()[HEAD].store(0, Ordering::Relaxed);
    region.words()[TAIL].store(count as u64, Ordering::Relaxed);
    let mut consumer = Consumer::new(ring(region, LARGE_WORDS));
    let mut position = 0;
    loop {
        let mut payload = Vec::new();
        let result = read(&mut consumer, &mut payload);
        assert!(payload.len() <= PIECE_MAX);
        let now = region.words()[HEAD].load(Ordering::Relaxed);
        match result {
            Ok(true) => assert!(position < now && now <= count as u64, "it goes on, to the end"),
            Ok(false) => return assert_eq!(now, count as u64, "all was read"),
            Err(_) => return,
        }
        position = now;
    }
}

/// A ring whose other side writes whatever and wherever it wants, while both ends are used here.
pub fn ring_positions(mut steps: &[u8]) {
    SMALL.with(|region| {
        region.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
        let mut consumer = Consumer::new(ring(region, SMALL_WORDS));
        let mut producer = Producer::new(ring(region, SMALL_WORDS));
        let mut payload = Vec::new();
        while let Some((step, rest)) = steps.split_first() {
            steps = rest;
            match step % 8 {
                0 => region.words()[TAIL].store(take_word(&mut steps), Ordering::Relaxed),
                1 => region.words()[HEAD].store(take_word(&mut steps), Ordering::Relaxed),
                2 => {
                    let place = FIRST + usize::from(take_byte(&mut steps)) % SMALL_WORDS;
                    region.words()[place].store(take_word(&mut steps), Ordering::Relaxed);
                }
                3 => {
                    payload.clear();
                    let read = Response::read(&mut consumer, &mut payload);
                    assert!(payload.len() <= SMALL_WORDS * 8 || read.is_err());
                }
                4 => {
                    payload.clear();
                    let read = Request::read(&mut consumer, &mut payload);
                    assert!(payload.len() <= SMALL_WORDS * 8 || read.is_err());
                }
                5 => {
                    let length = usize::from(take_byte(&mut steps));
                    let request = Request { kind: RequestKind::Call, ..Request::abort(7) };
                    let written = request.write(&mut producer, &vec![1; length]);
                    assert!(length <= SMALL_WORDS * 8 || written != Ok(true));
                }
                6 => producer.publish(),
                _ => drop(consumer.has_frames()),
            }
        }
    });
}

fn take_byte(bytes: &mut &[u8]) -> u8 {
    let Some((first, rest)) = bytes.split_first() else { return 0 };
    *bytes = rest;
    *first
}

fn take_word(bytes: &mut &[u8]) -> u64 {
    let (word, rest) = bytes.split_at(bytes.len().min(8));
    *bytes = rest;
    word_of(word)
}

/// At most eight bytes as a word.
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
