//! What holds of a ring, whatever the other side does.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use super::super::frame::{PIECE_MAX, Request, RequestKind, Response, ResponseKind};
use super::super::layout::Channel;

fn request(number: u64) -> Request {
    Request {
        kind: RequestKind::Call,
        number,
        function: number * 3,
        trampoline: number * 5,
        deadline_ns: 0,
        limit_ns: number,
        total: 0,
        task: number + 1,
    }
}

/// Bytes that tell where they belong.
fn bytes(number: u64, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u64 ^ number) as u8).collect()
}

#[test]
fn frames_of_all_lengths_come_out_as_they_went_in() {
    let (parent, fd) = Channel::create().unwrap();
    let worker = Channel::open(fd.as_fd()).unwrap();
    let (mut producer, mut consumer) = (parent.request_producer(), worker.request_consumer());
    let mut payload = Vec::new();
    assert_eq!(Request::read(&mut consumer, &mut payload), Ok(None));
    for (number, length) in (0..200).chain([1000, 4095, 65_535, PIECE_MAX]).enumerate() {
        let number = number as u64;
        let sent = bytes(number, length);
        assert_eq!(request(number).write(&mut producer, &sent), Ok(true));
        assert!(!consumer.has_frames(), "it is not published yet");
        producer.publish();
        assert!(consumer.has_frames());
        payload.clear();
        assert_eq!(Request::read(&mut consumer, &mut payload), Ok(Some(request(number))));
        assert_eq!(payload, sent);
    }
}

#[test]
fn a_full_ring_takes_no_more_and_goes_on_when_there_is_room() {
    let (parent, fd) = Channel::create().unwrap();
    let worker = Channel::open(fd.as_fd()).unwrap();
    let (mut producer, mut consumer) = (worker.result_producer(), parent.result_consumer());
    let response = Response { kind: ResponseKind::Outcome, number: 1, took_ns: 2, total: 3 };
    let piece = vec![7; PIECE_MAX];
    let mut written = 0;
    while response.write(&mut producer, &piece).unwrap() {
        written += 1;
    }
    assert_eq!(written, 3, "256 KiB hold three such frames with their headers");
    producer.publish();
    let mut payload = Vec::new();
    assert_eq!(Response::read(&mut consumer, &mut payload), Ok(Some(response)));
    assert_eq!(response.write(&mut producer, &piece), Ok(true));
}

#[test]
fn two_threads_pass_a_long_stream_in_order() {
    let (parent, fd) = Channel::create().unwrap();
    let worker = Channel::open(fd.as_fd()).unwrap();
    let (mut producer, mut consumer) = (parent.request_producer(), worker.request_consumer());
    const COUNT: u64 = 50_000;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..COUNT {
                let sent = bytes(number, (number % 300) as usize);
                while !request(number).write(&mut producer, &sent).unwrap() {
                    producer.publish();
                    std::thread::yield_now();
                }
                if number.is_multiple_of(7) || number + 1 == COUNT {
                    producer.publish();
                }
            }
        });
        let mut payload = Vec::new();
        for number in 0..COUNT {
            payload.clear();
            let read = loop {
                match Request::read(&mut consumer, &mut payload).unwrap() {
                    Some(read) => break read,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(read, request(number));
            assert_eq!(payload, bytes(number, (number % 300) as usize));
        }
    });
}

#[test]
fn whatever_the_other_side_writes_is_a_frame_or_a_violation() {
    // A small generator is enough: what matters is that nothing panics and nothing is believed.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let (parent, _fd) = Channel::create().unwrap();
    let mut violations = 0;
    for round in 0..5_000 {
        let mut consumer = parent.result_consumer();
        let ring = &consumer.ring;
        let head = consumer.head;
        for at in 0..16 {
            let word = match random() % 4 {
                0 => random(),
                1 => ((random() % 5) << 32) | (random() % (2 * PIECE_MAX as u64)),
                _ => random() % 100,
            };
            ring.words()[ring.index(head + at)].store(word, Ordering::Relaxed);
        }
        let ahead = if round % 3 == 0 { random() } else { random() % 20_000 };
        ring.tail().store(head.wrapping_add(ahead), Ordering::Release);
        let mut payload = Vec::new();
        for _ in 0..32 {
            match Response::read(&mut consumer, &mut payload) {
                Ok(Some(_)) => assert!(payload.len() <= 32 * PIECE_MAX),
                Ok(None) => break,
                Err(_) => {
                    violations += 1;
                    break;
                }
            }
        }
        let reached = consumer.head;
        consumer.ring.tail().store(reached, Ordering::Release);
    }
    assert!(violations > 1_000, "{violations}");
}

#[test]
fn a_consumer_that_claims_to_have_read_more_than_there_was_is_noticed() {
    let (parent, fd) = Channel::create().unwrap();
    let worker = Channel::open(fd.as_fd()).unwrap();
    let mut producer = parent.request_producer();
    let consumer = worker.request_consumer();
    consumer.ring.head().store(1 << 40, Ordering::Release);
    let mut outcome = Ok(true);
    for number in 0..10_000 {
        outcome = request(number).write(&mut producer, &[0; 100]);
        if outcome != Ok(true) {
            break;
        }
    }
    assert!(outcome.is_err(), "{outcome:?}");
}
