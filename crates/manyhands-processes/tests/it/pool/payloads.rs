//! Large arguments and results, and what travels beside encoded bytes.

use manyhands_executor::ExecutorExt;
use manyhands_processes::{Bytes, ProcessPool, SharedAtomicU64, SharedBytes};

fn payload(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(31) ^ seed) as u8).collect()
}

fn reversed(bytes: Bytes) -> Bytes {
    let mut all = bytes.to_vec();
    all.reverse();
    Bytes::from(all)
}

#[test]
fn bytes_of_all_lengths_come_and_go() {
    let pool = ProcessPool::new(2).unwrap();
    for length in [0, 1, 1000, 65_535, 65_536, 65_537, 300_000, 5_000_000] {
        let tasks: Vec<_> =
            (0..6).map(|n| pool.submit(reversed, Bytes::from(payload(n, length)))).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            let mut back = task.result().unwrap().to_vec();
            back.reverse();
            assert!(back == payload(n, length), "{length}");
        }
    }
}

#[test]
fn plain_values_of_any_length_come_and_go() {
    fn doubled(mut list: Vec<u64>) -> Vec<u64> {
        list.iter_mut().for_each(|n| *n *= 2);
        list
    }
    let pool = ProcessPool::new(2).unwrap();
    for length in [10, 30_000, 200_000] {
        let back = pool.submit(doubled, (0..length).collect()).result().unwrap();
        assert!(back.into_iter().eq((0..length).map(|n| 2 * n)));
    }
}

#[test]
fn shared_data_and_atomics_travel_as_descriptors() {
    fn count(argument: (SharedBytes, SharedAtomicU64)) -> u64 {
        let (bytes, counter) = argument;
        let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        sum
    }
    let pool = ProcessPool::new(2).unwrap();
    let bytes = SharedBytes::copy_from_slice(&payload(3, 1_000_000)).unwrap();
    let counter = SharedAtomicU64::new(0).unwrap();
    let expected: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    let tasks: Vec<_> =
        (0..100).map(|_| pool.submit(count, (bytes.clone(), counter.clone()))).collect();
    for task in tasks {
        assert_eq!(task.result().unwrap(), expected);
    }
    assert_eq!(counter.load(std::sync::atomic::Ordering::Relaxed), 100);
}

#[test]
fn a_worker_that_dies_with_large_payloads_loses_its_task_and_no_other() {
    fn fatal(argument: (u64, Bytes)) -> (u64, Bytes) {
        if argument.0 % 5 == 3 {
            std::process::abort();
        }
        argument
    }
    let pool = ProcessPool::builder().workers(2).prefetch_depth(4).build().unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| pool.submit(fatal, (n, Bytes::from(payload(n as usize, 400_000)))))
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        match task.result() {
            Ok((number, bytes)) => {
                assert!(number == n as u64 && bytes[..] == payload(n, 400_000)[..]);
            }
            Err(error) => assert!(n % 5 == 3 && error.is_worker_died(), "{n}: {error}"),
        }
    }
}

#[test]
fn bytes_that_a_worker_keeps_stay_as_they_are() {
    static KEPT: std::sync::Mutex<Vec<(usize, Bytes)>> = std::sync::Mutex::new(Vec::new());
    fn keep(argument: (usize, Bytes)) -> usize {
        let mut kept = KEPT.lock().unwrap();
        kept.push(argument);
        kept.iter().filter(|(seed, bytes)| bytes[..] == payload(*seed, 200_000)[..]).count()
    }
    let pool = ProcessPool::new(1).unwrap();
    for n in 0..10 {
        let all = pool.submit(keep, (n, Bytes::from(payload(n, 200_000)))).result().unwrap();
        assert_eq!(all, n + 1);
    }
}

#[test]
fn a_shared_value_is_decoded_once_for_all_tasks_of_a_worker() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static DECODED: AtomicUsize = AtomicUsize::new(0);

    #[derive(serde::Serialize)]
    struct Counted(u64);
    impl<'de> serde::Deserialize<'de> for Counted {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Counted, D::Error> {
            DECODED.fetch_add(1, Ordering::Relaxed);
            u64::deserialize(deserializer).map(Counted)
        }
    }
    fn look(shared: manyhands_processes::Shared<Counted>) -> (u64, usize) {
        (shared.0, DECODED.load(Ordering::Relaxed))
    }

    let pool = ProcessPool::new(1).unwrap();
    let shared = manyhands_processes::Shared::new(Counted(7)).unwrap();
    for _ in 0..3 {
        assert_eq!(pool.submit(look, shared.clone()).result().unwrap(), (7, 1));
    }
}
