//! Managed objects between processes: each kind used from there, deaths, cancellations, ends.

use std::collections::HashMap;
use std::time::Duration;

use manyhands_executor::{ExecutorExt, TaskErrorKind};
use manyhands_processes::{
    ManagedBarrier, ManagedCounter, ManagedEvent, ManagedList, ManagedLock, ManagedMap,
    ManagedQueue, ManagedSemaphore, ManagedValue, Manager, ManagerErrorKind, Process, ProcessPool,
};
use manyhands_wait::{CancelToken, with_cancel_token};

use crate::patience::{LONG, eventually};

fn append(arguments: (ManagedList<u32>, u32)) {
    arguments.0.push(arguments.1).unwrap();
}

#[test]
fn a_list_is_shared_between_processes() {
    let manager = Manager::new();
    let list = manager.list(Vec::new());
    for number in [111, 333] {
        Process::start(append, (list.clone(), number)).unwrap().join().unwrap();
    }
    assert_eq!(list.to_vec(), Ok(vec![111, 333]));
}

/// One handle of each kind, inside of another value.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Everything {
    list: ManagedList<String>,
    map: ManagedMap<String, Vec<u8>>,
    value: ManagedValue<Option<f64>>,
    counter: ManagedCounter,
    queue: Option<ManagedQueue<(u8, String)>>,
    lock: ManagedLock,
    event: ManagedEvent,
    seats: ManagedSemaphore,
    barrier: (ManagedBarrier, u8),
}

fn use_everything(all: Everything) -> Everything {
    all.list.push("here".to_owned()).unwrap();
    all.map.insert("key".to_owned(), vec![0; 100_000]).unwrap();
    all.value.set(Some(0.5)).unwrap();
    let queue = all.queue.as_ref().unwrap();
    assert_eq!(queue.get().unwrap(), (1, "item".to_owned()));
    queue.put((2, "back".to_owned())).unwrap();
    {
        let _guard = all.lock.lock().unwrap();
        let _permit = all.seats.acquire().unwrap();
        assert_eq!(all.counter.add(2).unwrap(), 42);
    }
    all.barrier.0.wait().unwrap();
    all.event.set().unwrap();
    all
}

fn use_everything_against(run: impl FnOnce(Everything) -> Everything + Send) {
    let manager = Manager::new();
    let all = Everything {
        list: manager.list(vec!["there".to_owned()]),
        map: manager.map(),
        value: manager.value(None),
        counter: manager.counter(40),
        queue: Some(manager.queue(Some(1))),
        lock: manager.lock(),
        event: manager.event(),
        seats: manager.semaphore(1),
        barrier: (manager.barrier(2), 0),
    };
    let sent = all.clone();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(sent));
        let queue = all.queue.as_ref().unwrap();
        queue.put((1, "item".to_owned())).unwrap();
        all.barrier.0.wait().unwrap();
        all.event.wait().unwrap();
        assert_eq!(queue.get().unwrap(), (2, "back".to_owned()));
        let back = other.join().unwrap();
        // What comes back is the same objects again.
        assert_eq!(back.list, all.list);
        assert_eq!(back.list.to_vec(), Ok(vec!["there".to_owned(), "here".to_owned()]));
        assert_eq!(back.map.to_map(), Ok(HashMap::from([("key".to_owned(), vec![0; 100_000])])));
        assert_eq!(back.value.get(), Ok(Some(0.5)));
        eventually("the lock and the permit are back", || {
            back.lock.try_lock().unwrap().is_some() && back.seats.available() == Ok(1)
        });
    });
}

#[test]
fn every_kind_of_object_is_used_from_a_process() {
    use_everything_against(|all| Process::start(use_everything, all).unwrap().join().unwrap());
}

#[test]
fn every_kind_of_object_is_used_from_a_pool() {
    let pool = ProcessPool::new(1).unwrap();
    use_everything_against(|all| pool.submit(use_everything, all).result().unwrap());
}

#[test]
fn every_kind_of_object_is_used_from_a_thread() {
    use_everything_against(|all| std::thread::spawn(|| use_everything(all)).join().unwrap());
}

fn count_under_a_lock((lock, value, times): (ManagedLock, ManagedValue<u64>, u32)) {
    for _ in 0..times {
        let guard = lock.lock().unwrap();
        let before = value.get().unwrap();
        value.set(before + 1).unwrap();
        drop(guard);
    }
}

#[test]
fn two_processes_that_count_under_a_lock_count_exactly() {
    let manager = Manager::new();
    let (lock, value) = (manager.lock(), manager.value(0));
    let start = |_| Process::start(count_under_a_lock, (lock.clone(), value.clone(), 500)).unwrap();
    let processes = [0, 1].map(start);
    count_under_a_lock((lock.clone(), value.clone(), 500));
    for process in processes {
        process.join().unwrap();
    }
    assert_eq!(value.get(), Ok(1500));
}

#[test]
fn functions_of_two_processes_run_at_the_owner_one_at_a_time() {
    fn work(list: ManagedList<u64>) {
        for _ in 0..500 {
            list.call(|list, more| list[0] += more, 1).unwrap();
        }
    }
    let manager = Manager::new();
    let list = manager.list(vec![0]);
    let processes = [0, 1].map(|_| Process::start(work, list.clone()).unwrap());
    for process in processes {
        process.join().unwrap();
    }
    assert_eq!(list.get(0), Ok(Some(1000)));
}

fn hold_for_ever((lock, seats): (ManagedLock, ManagedSemaphore)) {
    let _guard = lock.lock().unwrap();
    let _permit = seats.acquire().unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

#[test]
fn what_a_killed_process_holds_goes_to_the_next_who_is_told() {
    let manager = Manager::new();
    let (lock, seats) = (manager.lock(), manager.semaphore(1));
    let holder = Process::start(hold_for_ever, (lock.clone(), seats.clone())).unwrap();
    eventually("the permit is taken", || seats.available() == Ok(0));
    assert_eq!(lock.holder().unwrap().unwrap().process(), holder.pid());
    let waiter = |lock: ManagedLock| lock.lock().unwrap().predecessor_died();
    let waiter = Process::start(waiter, lock.clone()).unwrap();
    holder.kill().unwrap();
    assert!(waiter.join().unwrap(), "the next holder is told");
    drop(seats.acquire().unwrap());
    assert!(!lock.lock().unwrap().predecessor_died(), "and nobody after it");
}

#[test]
fn a_killed_waiter_does_not_get_the_lock() {
    let manager = Manager::new();
    let lock = manager.lock();
    let ready = manager.event();
    let wait = |(lock, ready): (ManagedLock, ManagedEvent)| {
        ready.set().unwrap();
        drop(lock.lock().unwrap());
    };
    let held = lock.lock().unwrap();
    let waiter = Process::start(wait, (lock.clone(), ready.clone())).unwrap();
    ready.wait().unwrap();
    waiter.kill().unwrap();
    waiter.wait();
    drop(held);
    drop(lock.lock_timeout(LONG).unwrap().expect("it is free"));
}

#[test]
fn a_cancelled_task_of_a_pool_leaves_the_queue_as_it_was() {
    let manager = Manager::new();
    let (queue, ready) = (manager.queue::<u32>(None), manager.event());
    let wait = |(queue, ready): (ManagedQueue<u32>, ManagedEvent)| {
        ready.set().unwrap();
        queue.get().unwrap()
    };
    let pool = ProcessPool::new(1).unwrap();
    let task = pool.submit(wait, (queue.clone(), ready.clone()));
    ready.wait().unwrap();
    task.cancel();
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Cancelled);
    queue.put(1).unwrap();
    assert_eq!(queue.get_timeout(LONG), Ok(Some(1)));
}

#[test]
fn a_deadline_and_a_token_end_waits_in_a_process() {
    fn wait(event: ManagedEvent) -> (bool, bool, bool) {
        let by_limit = event.wait_timeout(Duration::from_millis(1)).unwrap();
        let by_deadline =
            manyhands_wait::timeout(Duration::from_millis(1), || event.wait()).is_ok();
        let token = CancelToken::new();
        token.cancel();
        let by_token = with_cancel_token(&token, || event.wait()).is_ok();
        (by_limit, by_deadline, by_token)
    }
    let manager = Manager::new();
    let process = Process::start(wait, manager.event()).unwrap();
    assert_eq!(process.join().unwrap(), (false, false, false));
}

#[test]
fn waits_in_other_processes_end_with_the_manager() {
    fn wait((event, ready): (ManagedEvent, ManagedEvent)) -> ManagerErrorKind {
        ready.set().unwrap();
        event.wait().unwrap_err().kind()
    }
    let manager = Manager::new();
    let (event, ready) = (manager.event(), manager.event());
    let process = Process::start(wait, (event, ready.clone())).unwrap();
    ready.wait().unwrap();
    drop(manager);
    assert_eq!(process.join().unwrap(), ManagerErrorKind::Closed);
}

#[test]
fn a_panic_at_the_owner_comes_back_to_the_process_that_called() {
    fn fail(list: ManagedList<u8>) -> (ManagerErrorKind, String) {
        let error = list.call(|list, index: usize| list[index], 3).unwrap_err();
        (error.kind(), error.to_string())
    }
    let manager = Manager::new();
    let list = manager.list(vec![1]);
    let (kind, message) = Process::start(fail, list.clone()).unwrap().join().unwrap();
    assert_eq!(kind, ManagerErrorKind::Panicked);
    assert!(message.contains("index out of bounds"), "{message}");
    let length = Process::start(|list: ManagedList<u8>| list.len().unwrap(), list).unwrap();
    assert_eq!(length.join().unwrap(), 1, "the list goes on");
}

fn grandchild((list, lock): (ManagedList<u32>, ManagedLock)) {
    list.push(3).unwrap();
    std::mem::forget(lock.lock().unwrap());
    list.push(4).unwrap();
}

fn child((list, lock): (ManagedList<u32>, ManagedLock)) -> bool {
    list.push(1).unwrap();
    Process::start(grandchild, (list.clone(), lock.clone())).unwrap().join().unwrap();
    // It has ended with the lock: this process is told, though the manager is not here.
    let told = lock.lock().unwrap().predecessor_died();
    list.push(5).unwrap();
    told
}

#[test]
fn a_grandchild_uses_a_manager_of_its_grandparent() {
    let manager = Manager::new();
    let (list, lock) = (manager.list(vec![0]), manager.lock());
    let process = Process::start(child, (list.clone(), lock.clone())).unwrap();
    assert!(process.join().unwrap());
    assert_eq!(list.to_vec(), Ok(vec![0, 1, 3, 4, 5]));
}

#[test]
fn a_manager_of_a_child_is_out_of_reach_for_its_parent() {
    fn make(_: ()) -> ManagedCounter {
        // The child ends with it anyway.
        let manager = Box::leak(Box::new(Manager::new()));
        manager.counter(7)
    }
    fn ask(counter: ManagedCounter) -> ManagerErrorKind {
        counter.get().unwrap_err().kind()
    }
    let counter = Process::start(make, ()).unwrap().join().unwrap();
    let error = counter.get().unwrap_err();
    assert_eq!(error.kind(), ManagerErrorKind::Unreachable, "{error}");
    // Nor for a sibling, which asks through its parent.
    let sibling = Process::start(ask, counter).unwrap();
    assert_eq!(sibling.join().unwrap(), ManagerErrorKind::Unreachable);
}

#[test]
fn threads_of_one_process_call_at_the_same_time() {
    fn work((counter, event): (ManagedCounter, ManagedEvent)) {
        std::thread::scope(|scope| {
            // One of them waits all the while.
            scope.spawn(|| event.wait().unwrap());
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..250).for_each(|_| assert!(counter.add(1).is_ok()))))
                .collect();
            for worker in workers {
                worker.join().unwrap();
            }
            event.set().unwrap();
        });
    }
    let manager = Manager::new();
    let counter = manager.counter(0);
    Process::start(work, (counter.clone(), manager.event())).unwrap().join().unwrap();
    assert_eq!(counter.get(), Ok(1000));
}
