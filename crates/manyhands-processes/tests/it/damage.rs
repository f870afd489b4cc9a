//! Processes that write over all the memory that they share with others: nobody hangs for it, and what
//! others have put or computed is right.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use manyhands_executor::{ExecutorExt, TaskErrorKind, TaskOptions};
use manyhands_processes::{Bytes, Process, ProcessPool, Queue, Shared};

use crate::patience::{LONG, eventually};

/// What is written over the memory.
const PATTERNS: u64 = 4;

/// Which bytes of each piece of memory are written over: all; all but what says who is where; of the rest
/// the first page.
const EXTENTS: [Range<usize>; 3] = [0..usize::MAX, 1024..usize::MAX, 1024..4096];

/// Writes over all memory that this process shares and may write to; how many pieces of memory that was.
fn write_over(extent: Range<usize>, pattern: u64) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let of_ours =
        maps.lines().filter(|line| line.contains(" rw-s ") && line.contains("/memfd:manyhands-"));
    let ranges = of_ours.map(|line| {
        let (first, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [first, end] = [first, end].map(|text| usize::from_str_radix(text, 16).unwrap());
        first.saturating_add(extent.start)..end.min(first.saturating_add(extent.end))
    });
    let mut number = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        match pattern % PATTERNS {
            0 => number,
            1 => 0,
            2 => u64::MAX,
            // Numbers that might be positions and lengths.
            _ => number % 4096,
        }
    };
    let mut count = 0;
    for range in ranges {
        for address in range.step_by(8) {
            // SAFETY: the place is mapped, writable and aligned, and everybody reads such memory by
            // atomics. What those find there is what is tested.
            unsafe { &*(address as *const AtomicU64) }.store(next(), Ordering::Relaxed);
        }
        count += 1;
    }
    count
}

/// What a process does after it has written over everything.
const ENDINGS: u64 = 4;

fn damage((extent, pattern, ending): (usize, u64, u64)) -> usize {
    let count = write_over(EXTENTS[extent].clone(), pattern);
    match ending % ENDINGS {
        0 => {}
        1 => std::process::abort(),
        2 => std::process::exit(0),
        _ => loop {
            std::hint::black_box(0);
        },
    }
    count
}

fn double(n: u64) -> u64 {
    n * 2
}

fn sum(numbers: Shared<[u64]>) -> u64 {
    numbers.iter().sum()
}

fn invert(bytes: Bytes) -> Bytes {
    Bytes::from(bytes.iter().map(|byte| !byte).collect::<Vec<u8>>())
}

#[test]
fn workers_that_write_over_their_memory_harm_no_other_task_and_hang_nobody() {
    // One task at a time at each worker: what it was sent besides would be damaged too.
    let pool = ProcessPool::builder()
        .workers(2)
        .prefetch_depth(1)
        .grace(Duration::from_millis(100))
        .build()
        .unwrap();
    let honest = ProcessPool::builder().workers(1).build().unwrap();
    let numbers = Shared::copy_from_slice(&[1_u64; 10_000]).unwrap();
    let large = Bytes::from(vec![7_u8; 200_000]);
    let endings =
        (0..ENDINGS).flat_map(|ending| (0..PATTERNS).map(move |pattern| (pattern, ending)));
    let rounds =
        endings.flat_map(|(pattern, ending)| (0..3).map(move |extent| (extent, pattern, ending)));
    for round in rounds {
        // So that it has memory for large payloads too.
        let inverted = pool.submit(invert, large.clone()).result().unwrap();
        assert!(inverted.len() == large.len() && inverted.iter().all(|byte| *byte == !7));
        let with_limit = pool.with(TaskOptions::new().time_limit(Duration::from_millis(300)));
        let damaging = with_limit.submit(damage, round);
        let beside: Vec<_> = (0..4).map(|_| honest.submit(sum, numbers.clone())).collect();
        assert!(damaging.wait_timeout(LONG).is_ok(), "{round:?}: {:?}", pool.statistics());
        match damaging.result() {
            Ok(count) => assert!(count > 0 && round.2 == 0, "{round:?}"),
            Err(error) => assert!(
                [TaskErrorKind::WorkerDied, TaskErrorKind::TimedOut].contains(&error.kind()),
                "{round:?}: {error}"
            ),
        }
        for task in beside {
            assert_eq!(task.result().unwrap(), 10_000);
        }
        // A worker that has survived is damaged: what it is sent may be lost.
        let damaged = pool.worker_pids();
        pool.kill_workers();
        eventually("they are gone", || pool.worker_pids().iter().all(|pid| !damaged.contains(pid)));
        assert_eq!(pool.submit(sum, numbers.clone()).result().unwrap(), 10_000, "{round:?}");
    }
}

#[test]
fn tasks_whose_place_in_the_table_is_lost_end_nevertheless() {
    let pool = ProcessPool::builder().workers(1).prefetch_depth(8).build().unwrap();
    for pattern in 0..PATTERNS {
        let damaging = pool.submit(damage, (2, pattern, 0));
        let others: Vec<_> = (0..20).map(|n| pool.submit(double, n)).collect();
        assert!(damaging.wait_timeout(LONG).is_ok());
        for (n, task) in others.into_iter().enumerate() {
            assert!(task.wait_timeout(LONG).is_ok(), "{pattern} {n}: {:?}", pool.statistics());
            match task.result() {
                Ok(value) => assert_eq!(value, 2 * n as u64),
                Err(error) => assert_eq!(error.kind(), TaskErrorKind::WorkerDied, "{error}"),
            }
        }
    }
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8, "the pool goes on");
}

/// What comes through the queue: from whom, which, and something by which a damaged one is known.
type Item = (u64, u64, u64);

fn item(of: u64, number: u64) -> Item {
    (of, number, (of << 32 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

const ITEMS: u64 = 3000;

fn produce((queue, of): (Queue<Item>, u64)) {
    for number in 0..ITEMS {
        queue.put(item(of, number)).unwrap();
    }
}

fn produce_and_damage((queue, of): (Queue<Item>, u64)) -> usize {
    for number in 0..100 {
        queue.put(item(of, number)).unwrap();
    }
    let count = write_over(EXTENTS[0].clone(), of);
    for number in 100..200 {
        // It may be told that the queue is closed: its own way into it is.
        let _gone = queue.put(item(of, number));
    }
    count
}

#[test]
fn producers_that_write_over_their_memory_stop_no_queue() {
    for pattern in 0..PATTERNS {
        let queue: Queue<Item> = Queue::new();
        let honest = [1, 2].map(|of| Process::start(produce, (queue.clone(), 100 + of)).unwrap());
        let damaging = Process::start(produce_and_damage, (queue.clone(), pattern)).unwrap();
        let mut next = [0; 2];
        while next != [ITEMS; 2] {
            let (of, number, mark) =
                queue.get_timeout(LONG).unwrap().unwrap_or_else(|| panic!("{pattern}: {next:?}"));
            if let (101 | 102, true) = (of, item(of, number).2 == mark) {
                let next = &mut next[of as usize - 101];
                assert_eq!(number, *next, "nothing is missing, and nothing comes twice");
                *next += 1;
            }
        }
        for process in honest {
            process.join().unwrap();
        }
        assert!(damaging.join_timeout(LONG).is_ok(), "it does not hang");
        assert!(damaging.join().unwrap() > 0, "it had memory of the queue");
        queue.put(item(9, 9)).unwrap();
        eventually("the queue goes on", || queue.try_get().unwrap() == Some(item(9, 9)));
    }
}
