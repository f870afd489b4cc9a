//! What is not copied goes through managed objects too: shared memory, large bytes, ends of pipes.

use std::sync::atomic::Ordering;

use manyhands_executor::ExecutorExt;
use manyhands_processes::{
    Bytes, ManagedList, ManagedMap, Manager, ManagerErrorKind, Pipe, Process, ProcessPool, Queue,
    Shared, SharedArray, SharedAtomicU64,
};

type Numbers = Shared<[u64]>;

#[test]
fn shared_memory_goes_through_managed_objects_both_ways() {
    type All = (ManagedList<Numbers>, ManagedMap<String, (SharedAtomicU64, SharedArray<f64>)>);
    fn work((list, map): All) -> u64 {
        let first = list.get(0).unwrap().unwrap();
        list.push(Shared::<[u64]>::copy_from_slice(&[first[1], 40]).unwrap()).unwrap();
        let (counter, array) = map.get("both".to_owned()).unwrap().unwrap();
        array.set(1, 2.5);
        counter.fetch_add(first.iter().sum(), Ordering::AcqRel)
    }
    let manager = Manager::new();
    let (list, map) = (manager.list(Vec::new()), manager.map());
    list.push(Shared::<[u64]>::copy_from_slice(&[1, 2]).unwrap()).unwrap();
    let (counter, array) = (SharedAtomicU64::new(7).unwrap(), SharedArray::<f64>::new(2).unwrap());
    map.insert("both".to_owned(), (counter.clone(), array.clone())).unwrap();
    let pool = ProcessPool::new(1).unwrap();
    assert_eq!(pool.submit(work, (list.clone(), map)).result().unwrap(), 7);
    assert_eq!((counter.load(Ordering::Acquire), array.get(1)), (10, 2.5));
    assert_eq!(list.get(1).unwrap().unwrap()[..], [2, 40]);
}

#[test]
fn ends_of_pipes_and_large_bytes_go_through_a_queue() {
    type Item = (Pipe<Bytes>, Bytes);
    fn answer(queue: Queue<Item>) {
        let (pipe, bytes) = queue.get().unwrap();
        pipe.send(&bytes).unwrap();
        let (ours, theirs) = Pipe::<Bytes>::pair().unwrap();
        queue.put((theirs, bytes.slice(..100_000))).unwrap();
        ours.send(&bytes).unwrap();
        assert_eq!(ours.recv().unwrap(), b"enough"[..]);
    }
    let queue = Queue::new();
    let process = Process::start(answer, queue.clone()).unwrap();
    let bytes: Bytes = (0..3_000_000_u32).map(|n| (n >> 10) as u8).collect();
    let (ours, theirs) = Pipe::<Bytes>::pair().unwrap();
    queue.put((theirs, bytes.clone())).unwrap();
    assert!(ours.recv().unwrap() == bytes);
    drop(ours);
    // The queue is used in both directions: what is taken may be what was just put.
    let (end, part) = loop {
        let item = queue.get().unwrap();
        if item.1.len() == 100_000 {
            break item;
        }
        queue.put(item).unwrap();
    };
    assert!(part == bytes.slice(..100_000));
    assert!(end.recv().unwrap() == bytes);
    end.send(&Bytes::from(b"enough".to_vec())).unwrap();
    process.join().unwrap();
}

#[test]
fn handles_reach_a_manager_of_the_grandparent() {
    fn grandchild(list: ManagedList<Numbers>) {
        let first = list.get(0).unwrap().unwrap();
        list.push(Shared::<[u64]>::copy_from_slice(&[first[0] + 1]).unwrap()).unwrap();
    }
    fn child(list: ManagedList<Numbers>) {
        Process::start(grandchild, list.clone()).unwrap().join().unwrap();
        grandchild(list);
    }
    let manager = Manager::new();
    let list = manager.list(vec![Shared::<[u64]>::copy_from_slice(&[5]).unwrap()]);
    Process::start(child, list.clone()).unwrap().join().unwrap();
    let all: Vec<u64> = list.iter().unwrap().map(|numbers| numbers[0]).collect();
    assert_eq!(all, [5, 6, 6]);
}

#[test]
fn calls_with_and_without_handles_do_not_take_each_others() {
    type All = (ManagedList<Numbers>, ManagedMap<u64, Numbers>);
    fn work((list, map): All) {
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (list, map) = (&list, &map);
                scope.spawn(move || {
                    for n in (thread * 100)..(thread * 100 + 50) {
                        let numbers = Shared::<[u64]>::copy_from_slice(&[n, n * n]).unwrap();
                        map.insert(n, numbers).unwrap();
                        assert!(list.len().unwrap() < 4000);
                        let back = map.get(n).unwrap().unwrap();
                        assert_eq!(back[..], [n, n * n]);
                        list.push(back).unwrap();
                    }
                });
            }
        });
    }
    let manager = Manager::new();
    let all = (manager.list(Vec::new()), manager.map());
    Process::start(work, all.clone()).unwrap().join().unwrap();
    assert_eq!(all.0.len(), Ok(200));
    assert!(all.0.iter().unwrap().all(|numbers| numbers[1] == numbers[0] * numbers[0]));
}

#[test]
fn more_handles_than_can_be_sent_are_an_error_and_the_line_goes_on() {
    fn work(list: ManagedList<Vec<Numbers>>) -> (ManagerErrorKind, String) {
        let make = |n: u64| Shared::<[u64]>::copy_from_slice(&[n]).unwrap();
        let error = list.push((0..251).map(make).collect()).unwrap_err();
        list.push((0..250).map(make).collect()).unwrap();
        (error.kind(), error.to_string())
    }
    let manager = Manager::new();
    let list = manager.list(Vec::new());
    let (kind, message) = Process::start(work, list.clone()).unwrap().join().unwrap();
    assert_eq!(kind, ManagerErrorKind::Codec);
    assert!(message.contains("251 handles"), "{message}");
    let last = list.pop().unwrap().unwrap();
    assert_eq!((list.len(), last.len(), last[249][0]), (Ok(0), 250, 249));
}
