//! Arrays and atomics between an encoder and a decoder in one process.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::*;
use crate::memory::atomic::{
    SharedAtomicBool, SharedAtomicI64, SharedAtomicU64, SharedAtomicUsize,
};
use crate::memory::attachments::{Attachments, collect, provide, take_failure};
use crate::memory::memfd;

/// Sends a value with descriptors that are duplicated on the way.
fn pass<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
    let (encoded, attachments) = collect(|| postcard::to_stdvec(value).unwrap());
    let fds = attachments.fds.iter().map(|fd| Arc::new(fd.try_clone().unwrap())).collect();
    let attachments = Attachments { fds, ..attachments };
    provide(attachments, || postcard::from_bytes(&encoded)).unwrap()
}

fn refusal<T: for<'de> Deserialize<'de>>(length: u64, fd: OwnedFd) -> String {
    let encoded = postcard::to_stdvec(&(0_u32, length)).unwrap();
    let attachments = Attachments { fds: vec![Arc::new(fd)], ..Attachments::default() };
    assert!(provide(attachments, || postcard::from_bytes::<T>(&encoded)).is_err());
    take_failure().unwrap()
}

/// The same memory in a second mapping, as another process has it.
fn second_mapping<T: Pod>(array: &SharedArray<T>) -> crate::memory::mapping::Mapping {
    let (_, attachments) = collect(|| postcard::to_stdvec(array).unwrap());
    crate::memory::mapping::Mapping::map(&attachments.fds[0], array.cells.length()).unwrap()
}

#[test]
fn elements_of_every_size_are_kept() {
    fn check<T: Pod + PartialEq + fmt::Debug>(elements: &[T]) {
        let array = SharedArray::copy_from_slice(elements).unwrap();
        assert_eq!(pass(&array).to_vec(), elements);
        let last = elements.len() - 1;
        array.set(0, elements[last]);
        assert_eq!(array.get(0), elements[last]);
        assert_eq!(array.get(last), elements[last]);
        let mut some = [elements[0]; 2];
        array.read(1, &mut some);
        assert_eq!(some, elements[1..3]);
    }
    check(&[1_u8, 2, 250]);
    check(&[-1_i16, 2, 3]);
    check(&[1.5_f32, -0.0, f32::MAX]);
    check(&[u64::MAX, 2, 3]);
    check(&[u128::MAX - 7, 2, 3]);
    check(&[[1_u8, 2, 3], [4, 5, 6], [7, 8, 9]]);
    check(&[[1_u16, 2, 3], [4, 5, 6], [7, 8, 9]]);
    check(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]);
    check(&[[1_u8; 16], [2; 16], [3; 16]]);
}

#[test]
fn a_received_array_is_the_same_array() {
    let array = SharedArray::<i32>::new(10).unwrap();
    let received = pass(&array);
    received.set(9, -5);
    assert_eq!(array.get(9), -5);
    let elsewhere = second_mapping(&array);
    elsewhere.atomic::<AtomicU32>(8).unwrap().store(77, Ordering::Relaxed);
    assert_eq!(array.get(2), 77);
    assert!(format!("{array:?}").contains("77"));
    assert!(SharedArray::<u8>::new(0).unwrap().is_empty());
}

#[test]
fn no_update_is_lost() {
    let array = SharedArray::<f32>::new(3).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    array.update(1, |element| element + 1.0);
                }
            });
        }
    });
    assert_eq!(array.to_vec(), [0.0, 20_000.0, 0.0]);
    assert_eq!(array.swap(1, 2.0), 20_000.0);
    assert_eq!(array.compare_exchange(1, 1.0, 3.0), Err(2.0));
    assert_eq!(array.compare_exchange(1, 2.0, 3.0), Ok(2.0));
    let bytes = SharedArray::<u8>::copy_from_slice(&[1, 2, 3]).unwrap();
    assert_eq!(bytes.update(1, |byte| byte + 100), 2);
    assert_eq!(bytes.to_vec(), [1, 102, 3]);
}

#[test]
fn an_element_of_eight_bytes_is_never_a_mixture() {
    let array = SharedArray::<[u32; 2]>::new(1).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..50_000).for_each(|n| array.set(0, [n, !n])));
        while !writer.is_finished() {
            let [n, not] = array.get(0);
            assert!(n == !not || (n, not) == (0, 0), "{n} {not}");
        }
    });
}

#[test]
fn indices_beyond_the_end_panic() {
    let array = SharedArray::<u32>::new(3).unwrap();
    let panics = |f: &dyn Fn()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("it panics")
    };
    panics(&|| assert_eq!(array.get(3), 0));
    panics(&|| assert_eq!(array.get(usize::MAX), 0));
    panics(&|| array.set(3, 0));
    panics(&|| array.write(2, &[1, 2]));
    panics(&|| array.read(usize::MAX, &mut [1, 2]));
    let message = panics(&|| array.read(4, &mut []));
    assert!(message.downcast_ref::<String>().unwrap().contains("array of 3 elements"));
    array.read(3, &mut []);
}

#[test]
fn memory_that_is_not_an_array_is_refused_with_the_type() {
    let fixed = || {
        let fd = memfd::create_fixed("test", 100).unwrap();
        memfd::allocate(&fd, 100).unwrap();
        fd
    };
    let why = refusal::<SharedArray<u64>>(99, fixed());
    assert!(why.contains("SharedArray<u64>") && why.contains("99 bytes"), "{why}");
    let why = refusal::<SharedArray<u64>>(104, fixed());
    assert!(why.contains("too short"), "{why}");
    let why = refusal::<SharedArray<u64>>(u64::MAX, fixed());
    assert!(why.contains("too short"), "{why}");
    let why = refusal::<SharedArray<u64>>(96, memfd::create("test", 100).unwrap());
    assert!(why.contains("seals"), "{why}");
    let why = refusal::<SharedAtomicU64>(7, fixed());
    assert!(why.contains("SharedAtomic<") && why.contains("7 bytes"), "{why}");
    let why = refusal::<SharedAtomicBool>(0, fixed());
    assert!(why.contains("SharedAtomicBool"), "{why}");
    let why = refusal::<SharedArray<u64>>(96, memfd::create_fixed("test", 100).unwrap());
    assert!(why.contains("only 0 are there"), "{why}");
    assert!(SharedArray::<u64>::new(usize::MAX).unwrap_err().is_too_large());
    assert!(SharedArray::<u8>::new(memfd::limit() + 1).unwrap_err().is_too_large());
}

#[test]
fn atomics_are_the_same_wherever_they_are() {
    let number = SharedAtomicU64::new(40).unwrap();
    pass(&number).fetch_add(2, Ordering::Relaxed);
    assert_eq!(number.load(Ordering::Relaxed), 42);
    let signed = SharedAtomicI64::new(-1).unwrap();
    assert_eq!(pass(&signed.clone()).fetch_max(7, Ordering::Relaxed), -1);
    assert_eq!(format!("{signed:?}"), "7");
    assert_eq!(SharedAtomicUsize::new(usize::MAX).unwrap().load(Ordering::Relaxed), usize::MAX);
    assert!(postcard::to_stdvec(&number).is_err());
    assert!(take_failure().unwrap().contains("SharedAtomic"));
}

#[test]
fn a_flag_is_a_flag_whatever_others_write() {
    use Ordering::{AcqRel, Acquire, Relaxed};
    let flag = SharedAtomicBool::new(false).unwrap();
    let other = pass(&flag);
    assert!(!other.swap(true, AcqRel));
    assert_eq!(flag.compare_exchange(false, true, AcqRel, Acquire), Err(true));
    assert_eq!(flag.compare_exchange(true, false, AcqRel, Acquire), Ok(true));
    assert!(!flag.fetch_not(Relaxed));
    assert!(flag.fetch_and(false, Relaxed));
    assert!(!flag.fetch_or(true, Relaxed));
    let (_, attachments) = collect(|| postcard::to_stdvec(&flag).unwrap());
    let elsewhere = crate::memory::mapping::Mapping::map(&attachments.fds[0], 1).unwrap();
    elsewhere.atomic::<AtomicU8>(0).unwrap().store(0xff, Relaxed);
    assert!(flag.load(Acquire));
    assert_eq!(format!("{flag:?}"), "true");
}
