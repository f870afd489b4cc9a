//! Memory between real processes: what is sent arrives, is not copied where it need not be, and
//! survives that a process is killed.

use std::sync::atomic::Ordering;

use manyhands_processes::{
    Bytes, Pipe, Process, Shared, SharedArray, SharedAtomicBool, SharedAtomicU64, SharedBytes,
};

use crate::patience::eventually;

const MIB: usize = 1 << 20;

/// How much memory of its own this process has, in bytes: what is not shared with others.
fn own_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn large_bytes_go_there_and_come_back() {
    let bytes: Bytes = (0..64 * MIB).map(|n| (n >> 8) as u8).collect();
    let process = Process::start(|bytes: Bytes| (bytes.len(), bytes), bytes.clone()).unwrap();
    let (length, back) = process.join().unwrap();
    assert_eq!(length, 64 * MIB);
    assert!(back == bytes);
}

#[test]
fn a_gibibyte_arrives() {
    let last = |bytes: Bytes| (bytes.len(), bytes.last().copied());
    let mut bytes = vec![0; 1 << 30];
    bytes[(1 << 30) - 1] = 7;
    let process = Process::start(last, Bytes::from(bytes)).unwrap();
    assert_eq!(process.join().unwrap(), (1 << 30, Some(7)));
}

#[test]
fn large_values_of_any_type_go_there_and_come_back() {
    let numbers: Vec<u64> = (0..500_000).map(|n| n << 32).collect();
    let reverse = |mut numbers: Vec<u64>| {
        numbers.reverse();
        numbers
    };
    let back = Process::start(reverse, numbers.clone()).unwrap().join().unwrap();
    assert!(back.into_iter().eq(numbers.into_iter().rev()));
}

#[test]
fn what_is_shared_is_read_by_all_and_copied_by_none() {
    fn sum(numbers: Shared<[u64]>) -> (u64, usize) {
        let before = own_memory();
        let sum = numbers.iter().sum();
        (sum, own_memory().saturating_sub(before))
    }
    let count = 64 * MIB as u64 / 8;
    let numbers = Shared::<[u64]>::build(count as usize, |numbers| {
        numbers.iter_mut().zip(0..).for_each(|(number, n)| *number = n);
    })
    .unwrap();
    let both: Vec<_> = (0..2).map(|_| Process::start(sum, numbers.clone()).unwrap()).collect();
    for process in both {
        let (total, copied) = process.join().unwrap();
        assert_eq!(total, (0..count).sum());
        assert!(copied < 4 * MIB, "{copied} bytes of 64 MiB were copied");
    }
}

#[test]
fn shared_values_come_back_as_results_and_parts_of_them() {
    let make = |text: String| {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        (Shared::new(words).unwrap(), Shared::<str>::copy_from_str(&text).unwrap())
    };
    let (words, text) = Process::start(make, "many hands".to_owned()).unwrap().join().unwrap();
    assert_eq!((&words[1][..], &*text), ("hands", "many hands"));
    // From here it can be sent on.
    let length = |bytes: (SharedBytes, Shared<Vec<String>>)| (bytes.0.len(), bytes.1.len());
    let bytes = SharedBytes::copy_from_slice(text.as_bytes()).unwrap();
    assert_eq!(Process::start(length, (bytes, words)).unwrap().join().unwrap(), (10, 2));
}

#[test]
fn processes_count_together_exactly() {
    fn count((total, array): (SharedAtomicU64, SharedArray<f64>)) {
        for n in 0..20_000 {
            total.fetch_add(1, Ordering::Relaxed);
            array.update(n % 2, |element| element + 0.5);
        }
    }
    let total = SharedAtomicU64::new(0).unwrap();
    let array = SharedArray::<f64>::new(2).unwrap();
    let processes: Vec<_> =
        (0..2).map(|_| Process::start(count, (total.clone(), array.clone())).unwrap()).collect();
    processes.into_iter().for_each(|process| process.join().unwrap());
    assert_eq!(total.load(Ordering::Relaxed), 40_000);
    assert_eq!(array.to_vec(), [10_000.0, 10_000.0]);
}

#[test]
fn a_process_that_is_killed_leaves_what_is_shared_in_order() {
    type All = (SharedAtomicU64, SharedArray<u64>, Shared<[u64]>, SharedAtomicBool);
    fn busy((count, array, numbers, stop): All) {
        while !stop.load(Ordering::Acquire) {
            for (index, number) in numbers.iter().enumerate() {
                array.update(index, |element| element + number);
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    let (count, stop) = (SharedAtomicU64::new(0).unwrap(), SharedAtomicBool::new(false).unwrap());
    let array = SharedArray::<u64>::new(100).unwrap();
    let numbers = Shared::<[u64]>::copy_from_slice(&[1; 100]).unwrap();
    let start = || {
        let all = (count.clone(), array.clone(), numbers.clone(), stop.clone());
        Process::start(busy, all).unwrap()
    };
    let (killed, survivor) = (start(), start());
    eventually("both count", || count.load(Ordering::Relaxed) > 10_000);
    killed.kill().unwrap();
    assert!(killed.join().is_err());
    let before = count.load(Ordering::Relaxed);
    eventually("the other one goes on", || count.load(Ordering::Relaxed) > before + 10_000);
    stop.store(true, Ordering::Release);
    survivor.join().unwrap();
    let total: u64 = array.to_vec().iter().sum();
    let counted = count.load(Ordering::Relaxed);
    assert!(total == counted || total == counted + 1, "{total} {counted}");
    assert!(numbers.iter().all(|number| *number == 1));
}

#[test]
fn a_pipe_joins_two_processes_and_ends_with_them() {
    fn echo(pipe: Pipe<Bytes>) -> u32 {
        let mut count = 0;
        while let Ok(message) = pipe.recv() {
            pipe.send(&message).unwrap();
            count += 1;
        }
        count
    }
    let (ours, theirs) = Pipe::<Bytes>::pair().unwrap();
    let process = Process::start(echo, theirs).unwrap();
    for length in [0, 10, 70_000, MIB] {
        let message = Bytes::from(vec![length as u8; length]);
        ours.send(&message).unwrap();
        assert!(ours.recv().unwrap() == message, "{length}");
    }
    drop(ours);
    assert_eq!(process.join().unwrap(), 4);
}

#[test]
fn a_process_that_is_killed_closes_its_end() {
    fn greet_and_wait(pipe: Pipe<u32>) {
        pipe.send(&1).unwrap();
        let _never = pipe.recv();
    }
    let (ours, theirs) = Pipe::<u32>::pair().unwrap();
    let process = Process::start(greet_and_wait, theirs).unwrap();
    assert_eq!(ours.recv().unwrap(), 1);
    process.kill().unwrap();
    assert!(ours.recv().unwrap_err().is_closed());
    assert!(ours.send(&2).unwrap_err().is_closed());
    assert!(process.join().is_err());
}

#[test]
fn an_end_comes_back_as_a_result() {
    let make = |n: u32| {
        let (ours, theirs) = Pipe::<u32>::pair().unwrap();
        ours.send(&n).unwrap();
        theirs
    };
    let end = Process::start(make, 6).unwrap().join().unwrap();
    assert_eq!(end.recv().unwrap(), 6);
    assert!(end.recv().unwrap_err().is_closed());
}
