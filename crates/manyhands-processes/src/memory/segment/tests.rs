//! Segments between a sender and a receiver in one process: both map the same memory twice.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::outbox::{OutboxStatistics, Reservation};
use super::*;
use crate::memory::mapping::Mapping;

fn in_place() -> Inbox {
    // SAFETY: the sender of these tests is an `Outbox`, which keeps to the protocol.
    unsafe { Inbox::in_place() }
}

fn mapping() -> Outbox {
    // SAFETY: the receiver of these tests is an `Inbox`, which keeps to the protocol.
    unsafe { Outbox::mapping() }
}

fn copying() -> Inbox {
    Inbox::copying(Buffers::new(), 1 << 30)
}

/// Sends the descriptor, if the receiver does not have it, and the parcel.
fn deliver(outbox: &mut Outbox, inbox: &mut Inbox, reservation: &Reservation) -> Vec<bytes::Bytes> {
    let parcel = reservation.parcel();
    if let Some(fd) = reservation.introduction() {
        inbox.add(parcel.segment(), fd.try_clone().unwrap()).unwrap();
        outbox.introduced(parcel);
    }
    let encoded = postcard::to_stdvec(parcel).unwrap();
    inbox.open(&postcard::from_bytes(&encoded).unwrap()).unwrap()
}

fn payload(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(31) ^ seed) as u8).collect()
}

#[test]
fn parts_arrive_in_place_and_copied_alike() {
    for mut inbox in [in_place(), copying()] {
        let mut outbox = Outbox::new();
        for round in 0..4 {
            let parts =
                [payload(round, 100_000), Vec::new(), payload(round, 7), payload(1, 70_000)];
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let sent = outbox.put(&slices).unwrap();
            assert_eq!(sent.parcel().len(), 4);
            let received = deliver(&mut outbox, &mut inbox, &sent);
            assert_eq!(received, parts);
            assert!(received.iter().all(|part| part.is_empty() || part.as_ptr().addr() % 64 == 0));
        }
        let statistics = outbox.statistics();
        assert_eq!((statistics.segments, statistics.created, statistics.reused), (1, 1, 3));
        assert_eq!(inbox.len(), 1);
    }
}

#[test]
fn what_is_written_through_a_mapping_arrives_whatever_was_there_before() {
    for mut inbox in [in_place(), copying()] {
        let mut outbox = mapping();
        // The second time it is mapped; a longer one is not all there, and is mapped anew later.
        let lengths = [1 << 20, 1 << 20, 1_500_000, 5, 1_900_000, 1_400_000, 1_900_000, 1_100_000];
        for (round, length) in lengths.into_iter().enumerate() {
            let parts = [payload(round, length), payload(round + 1, 70_000)];
            let sent = outbox.put(&[&parts[0], &parts[1]]).unwrap();
            let received = deliver(&mut outbox, &mut inbox, &sent);
            assert!(received == parts, "round {round}");
        }
        assert_eq!(outbox.segments_mapped(), 1, "the long one");
        outbox.trim(Duration::ZERO);
        let again = outbox.put(&[&payload(9, 1 << 20)]).unwrap();
        assert!(deliver(&mut outbox, &mut inbox, &again)[0] == payload(9, 1 << 20));
        assert_eq!(outbox.segments_mapped(), 0, "it is new");
    }
}

#[test]
fn memory_that_is_not_there_is_not_written_through_a_mapping() {
    let mut outbox = mapping();
    let promised = outbox.reserve([1 << 20]).unwrap();
    outbox.withdraw(promised.parcel());
    drop(outbox.put(&[&payload(1, 1 << 20)]).unwrap());
    assert_eq!(outbox.segments_mapped(), 0, "it was never written");
    let mut plain = Outbox::new();
    for _ in 0..3 {
        let sent = plain.put(&[&payload(1, 1 << 20)]).unwrap();
        plain.withdraw(sent.parcel());
    }
    assert_eq!(plain.segments_mapped(), 0, "the peer is not believed");
}

#[test]
fn a_segment_is_not_written_while_a_part_of_it_is_read() {
    let (mut outbox, mut inbox) = (Outbox::new(), in_place());
    let first = outbox.put(&[&payload(1, 90_000), &payload(2, 90_000)]).unwrap();
    let mut first = deliver(&mut outbox, &mut inbox, &first);
    let kept = first.pop().unwrap().slice(10..20);
    drop(first);
    let second = outbox.put(&[&payload(3, 180_000)]).unwrap();
    let second = deliver(&mut outbox, &mut inbox, &second);
    assert_eq!(outbox.statistics().created, 2);
    assert_eq!(outbox.statistics().held, 2);
    assert_eq!(kept, payload(2, 90_000)[10..20]);
    drop((kept, second));
    assert_eq!(outbox.statistics().held, 0);
}

#[test]
fn what_is_claimed_is_copied_later_and_given_back_in_any_case() {
    let (mut outbox, mut inbox) = (Outbox::new(), copying());
    let sent = outbox.put(&[&payload(1, 90_000), &payload(2, 10)]).unwrap();
    let fd = sent.introduction().unwrap().try_clone().unwrap();
    inbox.add(sent.parcel().segment(), fd).unwrap();
    let claim = inbox.claim(sent.parcel()).unwrap();
    assert_eq!(claim.beginning(7).unwrap(), payload(1, 90_000)[..7]);
    assert_eq!(outbox.statistics().held, 1);
    drop(inbox);
    let parts = claim.open().unwrap();
    assert_eq!(parts, [payload(1, 90_000), payload(2, 10)]);
    assert_eq!(outbox.statistics().held, 0);

    let mut inbox = copying();
    let sent = outbox.put(&[&payload(3, 90_000)]).unwrap();
    let fd = sent.introduction().unwrap().try_clone().unwrap();
    inbox.add(sent.parcel().segment(), fd).unwrap();
    drop(inbox.claim(sent.parcel()).unwrap());
    assert_eq!(outbox.statistics().held, 0, "nobody has opened it");
}

#[test]
fn a_copy_does_not_hold_the_segment() {
    let (mut outbox, mut inbox) = (Outbox::new(), copying());
    let first = outbox.put(&[&payload(1, 90_000)]).unwrap();
    let first = deliver(&mut outbox, &mut inbox, &first);
    let second = outbox.put(&[&payload(2, 90_000)]).unwrap();
    let second = deliver(&mut outbox, &mut inbox, &second);
    assert_eq!(outbox.statistics().created, 1);
    assert_eq!((&first[0][..], &second[0][..]), (&payload(1, 90_000)[..], &payload(2, 90_000)[..]));
}

#[test]
fn a_parcel_without_parts_holds_nothing() {
    for mut inbox in [in_place(), copying()] {
        let mut outbox = Outbox::new();
        let empty = outbox.put(&[]).unwrap();
        assert!(deliver(&mut outbox, &mut inbox, &empty).is_empty());
        assert_eq!(outbox.statistics().held, 0);
    }
}

#[test]
fn what_is_withdrawn_is_free_again() {
    let mut outbox = Outbox::new();
    let first = outbox.put(&[&payload(1, 90_000)]).unwrap();
    outbox.withdraw(first.parcel());
    assert!(first.introduction().is_some());
    let second = outbox.put(&[&payload(1, 90_000)]).unwrap();
    assert!(second.introduction().is_some(), "it was never sent");
    assert_eq!(outbox.statistics().created, 1);
    // Withdrawing what belongs to a lease of before does nothing.
    outbox.withdraw(first.parcel());
    assert_eq!(outbox.statistics().held, 1);
}

#[test]
fn idle_segments_are_given_back_on_both_sides() {
    let (mut outbox, mut inbox) = (Outbox::new(), in_place());
    let idle = outbox.put(&[&payload(1, 1 << 20)]).unwrap();
    let busy = outbox.put(&[&payload(2, 1 << 20)]).unwrap();
    drop(deliver(&mut outbox, &mut inbox, &idle));
    let busy = deliver(&mut outbox, &mut inbox, &busy);
    outbox.trim(Duration::from_secs(3600));
    assert_eq!(outbox.statistics().trimmed, 0);
    outbox.trim(Duration::ZERO);
    assert_eq!(outbox.statistics().trimmed, 1);
    let fd = idle.introduction().unwrap();
    assert!(rustix::fs::fstat(fd).unwrap().st_blocks <= 8, "its pages are gone");
    inbox.sweep();
    assert_eq!(inbox.len(), 1);
    assert_eq!(busy[0], payload(2, 1 << 20));
}

#[test]
fn more_than_the_machine_has_is_refused() {
    let mut outbox = Outbox::new();
    for lengths in [vec![memfd::limit()], vec![usize::MAX, usize::MAX], vec![usize::MAX - 1]] {
        let error = outbox.reserve(lengths).unwrap_err();
        assert!(error.is_too_large(), "{error}");
        assert!(error.to_string().contains("a payload of"), "{error}");
    }
    assert_eq!(outbox.statistics(), OutboxStatistics::default());
}

#[test]
fn a_receiver_that_releases_nothing_is_sent_no_more() {
    let mut outbox = Outbox::new();
    let held: Vec<_> = std::iter::repeat_with(|| outbox.reserve([1])).take(513).collect();
    assert!(held[..512].iter().all(Result::is_ok));
    assert!(held[512].as_ref().unwrap_err().to_string().contains("released none"));
}

#[test]
fn a_segment_that_is_not_what_it_should_be_is_refused() {
    let mut inbox = copying();
    let growing = memfd::create("test", 1 << 20).unwrap();
    assert!(inbox.add(0, growing).unwrap_err().is_refused());
    let short = memfd::create_fixed("test", 100).unwrap();
    assert!(inbox.add(0, short).unwrap_err().is_refused());
    let file = tempfile::tempfile().unwrap();
    assert!(inbox.add(0, file.into()).unwrap_err().is_refused());
    assert_eq!(inbox.len(), 0);
}

#[test]
fn a_parcel_that_lies_is_refused() {
    for mut inbox in [in_place(), copying()] {
        let mut outbox = Outbox::new();
        let sent = outbox.put(&[&payload(1, 90_000)]).unwrap();
        let parcel = sent.parcel().clone();
        inbox.add(parcel.segment(), sent.introduction().unwrap().try_clone().unwrap()).unwrap();
        let unknown = Parcel { segment: 7, ..parcel.clone() };
        assert!(inbox.open(&unknown).unwrap_err().is_refused());
        for lengths in [vec![1 << 17], vec![u64::MAX], vec![1; 10_000], vec![u64::MAX, u64::MAX]] {
            let error = inbox.open(&Parcel { lengths, ..parcel.clone() }).unwrap_err();
            assert!(error.is_refused(), "{error}");
        }
    }
}

#[test]
fn a_worker_that_promises_more_than_it_wrote_costs_no_memory() {
    let mut inbox = Inbox::copying(Buffers::new(), 1 << 20);
    let huge = memfd::create_fixed("test", memfd::limit()).unwrap();
    inbox.add(0, huge).unwrap();
    let within = Parcel { segment: 0, lease: 1, lengths: vec![1 << 20] };
    let error = inbox.open(&within).unwrap_err();
    assert!(error.to_string().contains("only 0 are there"), "{error}");
    let beyond = Parcel { segment: 0, lease: 1, lengths: vec![(1 << 20) + 1] };
    let error = inbox.open(&beyond).unwrap_err();
    assert!(error.is_too_large() && error.to_string().contains("1048576 bytes"), "{error}");
}

#[test]
fn in_place_a_parcel_is_opened_under_its_own_lease_alone() {
    let (mut outbox, mut inbox) = (Outbox::new(), in_place());
    let sent = outbox.put(&[&payload(1, 90_000)]).unwrap();
    let opened = deliver(&mut outbox, &mut inbox, &sent);
    drop(opened);
    let error = inbox.open(sent.parcel()).unwrap_err();
    assert!(error.to_string().contains("lease has ended"), "{error}");
}

#[test]
fn a_receiver_that_writes_nonsense_into_the_state_harms_nobody_else() {
    let (mut outbox, mut inbox) = (Outbox::new(), copying());
    let sent = outbox.put(&[&payload(1, 90_000)]).unwrap();
    let fd = sent.introduction().unwrap();
    let hostile = Mapping::map(fd.as_fd(), memfd::page()).unwrap();
    let state = hostile.atomic::<std::sync::atomic::AtomicU64>(0).unwrap();
    for nonsense in [RETIRED, 12345, u64::MAX - 1] {
        state.store(nonsense, Ordering::Release);
        outbox.trim(Duration::ZERO);
        assert_eq!(outbox.statistics().held, 1, "it is as if the receiver held it");
        let next = outbox.put(&[&payload(2, 90_000)]).unwrap();
        assert_ne!(next.parcel().segment(), sent.parcel().segment());
        drop(deliver(&mut outbox, &mut inbox, &next));
    }
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Iterator for Numbers {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Some(self.0)
    }
}

#[test]
fn no_bytes_of_a_worker_make_a_parcel_that_reads_elsewhere() {
    let (mut outbox, mut inbox) = (Outbox::new(), copying());
    let sent = outbox.put(&[&payload(1, 90_000)]).unwrap();
    drop(deliver(&mut outbox, &mut inbox, &sent));
    let good = postcard::to_stdvec(sent.parcel()).unwrap();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut opened = 0;
    for round in 0..20_000 {
        let mut bytes: Vec<u8> = if round % 2 == 0 {
            numbers.by_ref().take(16).map(|n| n as u8).collect()
        } else {
            good.clone()
        };
        for _ in 0..3 {
            let at = numbers.next().unwrap() as usize % bytes.len();
            bytes[at] = numbers.next().unwrap() as u8;
        }
        if let Ok(parcel) = postcard::from_bytes::<Parcel>(&bytes)
            && let Ok(parts) = inbox.open(&parcel)
        {
            let lengths = parts.iter().map(|part| part.len() as u64);
            assert!(lengths.eq(parcel.lengths.iter().copied()));
            opened += 1;
        }
    }
    assert!(opened > 100, "some are harmless: {opened}");
}

#[test]
fn a_sender_and_a_receiver_on_two_threads_never_see_each_others_writes() {
    let (to_receiver, parcels) = std::sync::mpsc::sync_channel(2);
    let receiver = std::thread::spawn(move || {
        let mut inbox = in_place();
        let mut kept = std::collections::VecDeque::new();
        for (round, parcel, fd) in parcels {
            let parcel: Parcel = parcel;
            if let Some(fd) = fd {
                inbox.add(parcel.segment(), fd).unwrap();
            }
            let parts = inbox.open(&parcel).unwrap();
            kept.push_back((round, parts));
            if kept.len() > 3 {
                let (round, parts) = kept.pop_front().unwrap();
                assert!(parts[0].iter().all(|byte| *byte == round as u8));
            }
        }
    });
    let mut outbox = Outbox::new();
    for round in 0..500_u32 {
        let sent = outbox.put(&[&vec![round as u8; 70_000 + round as usize * 13]]).unwrap();
        let fd = sent.introduction().map(|fd| fd.try_clone().unwrap());
        outbox.introduced(sent.parcel());
        to_receiver.send((round, sent.parcel().clone(), fd)).unwrap();
    }
    drop(to_receiver);
    receiver.join().unwrap();
    let statistics = outbox.statistics();
    assert_eq!(statistics.held, 0);
    assert!(statistics.created < 20, "{statistics:?}");
}
