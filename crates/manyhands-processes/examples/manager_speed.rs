//! How many calls of managed objects a process makes in a second: one after the other, from one process,
//! a pool's task and two processes, and for comparison in the process of the manager itself.

use std::time::Instant;

use manyhands_executor::ExecutorExt;
use manyhands_processes::{
    ManagedCounter, ManagedList, ManagedLock, ManagedMap, Manager, ManagerError, Process,
    ProcessPool, Queue,
};

type Handles = (ManagedMap<u32, u64>, ManagedList<u64>, ManagedCounter, ManagedLock);

const CALLS: u32 = 50_000;

fn per_second(mut call: impl FnMut(u32) -> Result<(), ManagerError>) -> f64 {
    (0..CALLS / 10).try_for_each(&mut call).expect("the manager is there");
    let start = Instant::now();
    (0..CALLS).try_for_each(&mut call).expect("the manager is there");
    f64::from(CALLS) / start.elapsed().as_secs_f64()
}

fn measure((map, list, counter, lock): Handles) -> Vec<(String, f64)> {
    let mut rows = Vec::new();
    let mut row = |what: &str, rate| rows.push((what.to_owned(), rate));
    row("map insert", per_second(|n| map.insert(n % 100, 1).map(drop)));
    row("map get", per_second(|n| map.get(n % 100).map(drop)));
    row("list push", per_second(|n| list.push(n.into())));
    row("counter add", per_second(|_| counter.add(1).map(drop)));
    row("lock and unlock", per_second(|_| lock.lock().map(drop)));
    rows
}

fn put(queue: Queue<u64>) -> f64 {
    per_second(|n| queue.put(n.into()))
}

fn get(queue: Queue<u64>) -> f64 {
    per_second(|_| queue.get().map(drop))
}

fn main() {
    let manager = Manager::new();
    let handles = || -> Handles {
        (manager.map(), manager.list(Vec::new()), manager.counter(0), manager.lock())
    };
    let start = || Process::start(measure, handles()).expect("a process is started");
    let report = |who: &str, rows: Vec<(String, f64)>| {
        rows.iter().for_each(|(what, rate)| println!("{who:16} {what:18} {rate:>10.0}/s"));
    };
    report("here", measure(handles()));
    report("one process", start().join().expect("it does not fail"));
    let pool = ProcessPool::new(1).expect("a pool is started");
    report("a task of a pool", pool.submit(measure, handles()).result().expect("it does not fail"));
    drop(pool);
    for process in [start(), start()] {
        report("each of two", process.join().expect("it does not fail"));
    }
    let queue = Queue::new();
    let putting = Process::start(put, queue.clone()).expect("a process is started");
    let rate = putting.join().expect("it does not fail");
    println!("{:16} {:18} {rate:>10.0}/s", "one process", "queue put");
    let getting = Process::start(get, queue.clone()).expect("a process is started");
    let rate = getting.join().expect("it does not fail");
    println!("{:16} {:18} {rate:>10.0}/s", "one process", "queue get");
    let putting = Process::start(put, queue.clone()).expect("a process is started");
    let rate = get(queue);
    putting.join().expect("it does not fail");
    println!("{:16} {:18} {rate:>10.0}/s", "process to here", "queue put, get");
}
