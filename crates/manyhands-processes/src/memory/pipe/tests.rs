//! Pipes between threads, whose ends are descriptors as they are between processes.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::memory::attachments::{collect, provide, take_failure};
use crate::memory::{Bytes, Shared, SharedAtomicU64};

const SOON: Duration = Duration::from_millis(20);

/// The other end as a bare socket, for messages that no sender sends.
fn with_bare_end<R: DeserializeOwned>() -> (Pipe<(), R>, OwnedFd) {
    let (ours, theirs) = Pipe::<(), R>::pair().unwrap();
    let fd = theirs.socket().unwrap().get_ref().0.try_clone().unwrap();
    (ours, fd)
}

#[test]
fn messages_arrive_in_their_order_and_then_the_end() {
    let (ours, theirs) = Pipe::<(u32, String), ()>::pair().unwrap();
    let sender = std::thread::spawn(move || {
        for n in 0..5000 {
            ours.send(&(n, format!("number {n}"))).unwrap();
        }
    });
    for n in 0..5000 {
        assert_eq!(theirs.recv().unwrap(), (n, format!("number {n}")));
    }
    assert!(theirs.recv().unwrap_err().is_closed());
    assert!(theirs.recv().unwrap_err().is_closed());
    assert!(theirs.send(&()).unwrap_err().is_closed());
    sender.join().unwrap();
}

#[test]
fn what_was_sent_before_the_end_arrives_although_the_sender_received_nothing() {
    let (ours, theirs) = Pipe::<u8>::pair().unwrap();
    ours.send(&1).unwrap();
    theirs.send(&2).unwrap();
    theirs.send(&3).unwrap();
    drop(theirs);
    assert!(ours.poll(Duration::ZERO).unwrap());
    assert_eq!((ours.recv().unwrap(), ours.try_recv().unwrap()), (2, 3));
    assert!(ours.poll(Duration::ZERO).unwrap(), "the end is something too");
    assert!(ours.recv().unwrap_err().is_closed());
}

#[test]
fn large_messages_do_not_block_each_other() {
    let (ours, theirs) = Pipe::<Vec<u64>>::pair().unwrap();
    let large: Vec<u64> = (0..1 << 21).map(|n| n | 1 << 60).collect();
    ours.send(&large).unwrap();
    theirs.send(&large).unwrap();
    assert!(theirs.recv().unwrap() == large);
    assert!(ours.recv().unwrap() == large);
}

#[test]
fn messages_of_every_length_around_the_limits_arrive() {
    let (ours, theirs) = Pipe::<Bytes>::pair().unwrap();
    for length in [0, 1, 65_530, 65_531, 65_532, 65_533, 65_535, 65_536, 65_537, 1 << 20] {
        let bytes = Bytes::from(vec![length as u8; length]);
        ours.send(&bytes).unwrap();
        assert!(theirs.recv().unwrap() == bytes, "{length}");
    }
}

#[test]
fn a_full_pipe_waits_for_room() {
    let (ours, theirs) = Pipe::<Vec<u8>, ()>::pair().unwrap();
    let message = vec![0; 10_000];
    let mut sent = 0;
    let error = loop {
        match ours.try_send(&message) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_would_block() && sent > 5, "{error} after {sent}");
    assert!(ours.send_timeout(&message, SOON).unwrap_err().is_timed_out());
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| ours.send(&message));
        for _ in 0..=sent {
            assert_eq!(theirs.recv().unwrap().len(), 10_000);
        }
        sender.join().unwrap().unwrap();
    });
    assert!(theirs.try_recv().unwrap_err().is_would_block());
    assert!(theirs.recv_timeout(SOON).unwrap_err().is_timed_out());
    assert!(!theirs.poll(SOON).unwrap());
}

#[test]
fn a_wait_is_cancelled_and_has_taken_nothing() {
    let (ours, theirs) = Pipe::<u8, ()>::pair().unwrap();
    let limited = manyhands_wait::timeout(SOON, || theirs.recv().map(|_| ()));
    assert!(limited.is_err(), "an ambient deadline ends the wait");
    ours.send(&7).unwrap();
    assert_eq!(theirs.recv().unwrap(), 7);
}

#[test]
fn several_threads_share_an_end() {
    let (ours, theirs) = Pipe::<u64>::pair().unwrap();
    let total: u64 = std::thread::scope(|scope| {
        for part in 0..4 {
            let ours = &ours;
            scope.spawn(move || (0..500).for_each(|n| ours.send(&(part * 500 + n)).unwrap()));
        }
        let theirs = &theirs;
        let receivers: Vec<_> = (0..2)
            .map(|_| scope.spawn(move || (0..1000).map(|_| theirs.recv().unwrap()).sum::<u64>()))
            .collect();
        receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum()
    });
    assert_eq!(total, (0..2000).sum());
}

#[test]
fn async_tasks_use_it_too() {
    let (ours, theirs) = Pipe::<u32>::pair().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let echo = tokio::spawn(async move {
            while let Ok(n) = theirs.recv_async().await {
                theirs.send_async(&(n + 1)).await.unwrap();
            }
        });
        for n in 0..100 {
            ours.send_async(&n).await.unwrap();
            assert_eq!(ours.recv_async().await.unwrap(), n + 1);
        }
        drop(ours);
        echo.await.unwrap();
    });
}

#[test]
fn handles_travel_through_a_pipe() {
    type Message = (Shared<[u32]>, SharedAtomicU64, Bytes, Pipe<u8>);
    let (ours, theirs) = Pipe::<Message, ()>::pair().unwrap();
    let (kept, sent) = Pipe::<u8>::pair().unwrap();
    let counter = SharedAtomicU64::new(1).unwrap();
    let shared = Shared::<[u32]>::copy_from_slice(&[4, 5]).unwrap();
    let bytes = Bytes::from(vec![6; 70_000]);
    let message = (shared, counter.clone(), bytes.clone(), sent);
    ours.send(&message).unwrap();
    assert!(message.3.recv().unwrap_err().is_moved());
    let (shared, number, same, end) = theirs.recv().unwrap();
    assert_eq!((&shared[..], same == bytes), (&[4, 5][..], true));
    number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(counter.load(std::sync::atomic::Ordering::Relaxed), 2);
    end.send(&9).unwrap();
    assert_eq!(kept.recv().unwrap(), 9);
    drop(end);
    assert!(kept.recv().unwrap_err().is_closed(), "it moved, so nobody else has it");
    // A second time it is an error that says so.
    let error = ours.send(&message).unwrap_err();
    assert!(error.is_codec() && error.to_string().contains("sent to another process"), "{error}");
}

#[test]
fn an_end_is_encoded_for_nobody_else_and_stays_then() {
    let (ours, theirs) = Pipe::<u8>::pair().unwrap();
    assert!(postcard::to_stdvec(&ours).is_err());
    assert!(take_failure().unwrap().contains("worker or process of manyhands"));
    ours.send(&1).unwrap();
    assert_eq!(theirs.recv().unwrap(), 1);
    assert!(format!("{ours:?}").contains("u8"));
}

#[test]
fn a_descriptor_that_is_no_pipe_is_refused() {
    let file: OwnedFd = tempfile::tempfile().unwrap().into();
    let attachments =
        crate::memory::attachments::Attachments { fds: vec![Arc::new(file)], ..Default::default() };
    assert!(provide(attachments, || postcard::from_bytes::<Pipe<u8>>(&[0])).is_err());
    assert!(take_failure().unwrap().contains("not that of a pipe"));
    let (ours, _theirs) = Pipe::<u8>::pair().unwrap();
    let (encoded, _) = collect(|| postcard::to_stdvec(&ours).unwrap());
    assert!(postcard::from_bytes::<Pipe<u8>>(&encoded).is_err());
}

#[test]
fn a_message_that_cannot_be_understood_costs_itself_alone() {
    let (ours, bare) = with_bare_end::<String>();
    for junk in [&[9_u8, 9][..], &[0, 5, b'a'], &[1], &[1, 0], &[1, 1, 9], &[0; 70_000]] {
        rustix::net::send(&bare, junk, rustix::net::SendFlags::empty()).unwrap();
        let error = ours.recv().unwrap_err();
        assert!(error.is_codec(), "{error}");
    }
    let good = [&[0, 4][..], b"good"].concat();
    rustix::net::send(&bare, &good, rustix::net::SendFlags::empty()).unwrap();
    assert_eq!(ours.recv().unwrap(), "good");
}

#[test]
fn no_bytes_of_a_worker_panic_or_block_the_receiver() {
    let (ours, bare) = with_bare_end::<(Vec<String>, Option<Bytes>, Option<u64>)>();
    let mut state = 0x853C_49E6_748F_EA9B_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..5000 {
        let mut junk: Vec<u8> = (0..1 + next() % 40).map(|_| next() as u8).collect();
        junk[0] = (next() % 3) as u8;
        rustix::net::send(&bare, &junk, rustix::net::SendFlags::empty()).unwrap();
        if let Err(error) = ours.recv() {
            assert!(error.is_codec(), "{error}");
        }
    }
}
