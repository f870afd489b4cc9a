//! Processes that end at any moment with what is shared in their hands, and managers that end before
//! them: nothing hangs, nothing of the others is lost.

use std::time::{Duration, Instant};

use manyhands_processes::{
    ManagedCounter, ManagedList, ManagedLock, ManagedSemaphore, Manager, ManagerErrorKind, Process,
    Queue,
};

use crate::patience::{LONG, eventually};

/// Numbers that are the same for the same beginning.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

type Objects = (ManagedLock, ManagedSemaphore, ManagedList<u64>, ManagedCounter, Queue<u64>);

/// Uses everything until it happens to end, in one of several ways and mostly in the middle.
fn use_until_the_end((objects, seed): (Objects, u64)) {
    let (lock, seats, list, counter, queue) = objects;
    let mut numbers = Numbers(seed | 1);
    for step in 0_u64.. {
        let guard = lock.lock();
        let permit = seats.acquire_timeout(Duration::from_millis(1));
        let _gone = list.push(step);
        let _gone = counter.add(1);
        let _gone = queue.put(seed << 32 | step);
        if guard.is_err() {
            // The manager has ended, or this process has forgotten a guard of this lock.
            return;
        }
        match numbers.below(40) {
            0 => std::process::abort(),
            1 => std::process::exit(3),
            2 => panic!("with a lock in hand"),
            3 => std::mem::forget((guard, permit)),
            _ => {}
        }
        if numbers.below(60) == 0 {
            return;
        }
    }
}

fn start(objects: &Objects, seed: u64) -> Process<()> {
    Process::start(use_until_the_end, (objects.clone(), seed)).unwrap()
}

fn objects(manager: &Manager) -> Objects {
    (
        manager.lock_named("contended"),
        manager.semaphore(2),
        manager.list(Vec::new()),
        manager.counter(0),
        Queue::new(),
    )
}

#[test]
fn processes_that_die_with_locks_in_hand_stop_nobody() {
    let manager = Manager::new();
    let objects = objects(&manager);
    let processes: Vec<Process<()>> = (1..=12).map(|seed| start(&objects, seed * 77)).collect();
    for process in &processes {
        eventually("it has ended", || !process.is_alive());
    }
    let (lock, seats, list, counter, queue) = &objects;
    drop(lock.lock_timeout(LONG).unwrap().expect("nobody has it any more"));
    eventually("the permits are back", || seats.available() == Ok(2));
    assert_eq!(lock.situation().unwrap().waiters, []);
    assert_eq!(list.len().unwrap() as i64, counter.get().unwrap(), "no step was torn");
    // Of each producer everything up to its end, in its order.
    let mut next = std::collections::HashMap::new();
    let mut count = 0;
    while let Some(item) = queue.try_get().unwrap() {
        let step = next.entry(item >> 32).or_insert(0);
        assert_eq!(item & 0xffff_ffff, *step);
        *step += 1;
        count += 1;
    }
    assert_eq!(count, counter.get().unwrap(), "each has counted what it has put");
}

#[test]
fn managers_that_end_in_the_middle_leave_nobody_waiting() {
    let mut numbers = Numbers(0x6d61_6e79);
    for round in 0..4_u64 {
        let manager = Manager::new();
        let objects = objects(&manager);
        let processes: Vec<_> = (0..4).map(|n| start(&objects, round * 100 + n + 1)).collect();
        let enough = numbers.below(30) as i64;
        let until = Instant::now() + LONG;
        let all_ended = || processes.iter().all(|process| !process.is_alive());
        while objects.3.get().unwrap() < enough && !all_ended() {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(manager);
        for process in &processes {
            eventually("it does not wait for what is gone", || !process.is_alive());
        }
        assert_eq!(objects.0.lock().unwrap_err().kind(), ManagerErrorKind::Closed);
    }
}

#[test]
fn what_a_killed_producer_has_put_stays_and_close_refuses_the_rest() {
    fn produce((queue, put): (Queue<u64>, manyhands_processes::SharedAtomicU64)) -> bool {
        for n in 0.. {
            match queue.put(n) {
                Ok(()) => put.store(n + 1, std::sync::atomic::Ordering::Release),
                Err(error) => return error.is_queue_closed(),
            }
        }
        false
    }
    for is_killed in [true, false] {
        let queue = Queue::new();
        let put = manyhands_processes::SharedAtomicU64::new(0).unwrap();
        let process = Process::start(produce, (queue.clone(), put.clone())).unwrap();
        let count = || put.load(std::sync::atomic::Ordering::Acquire);
        eventually("many are put", || count() > 5000);
        assert!(queue.len().unwrap() >= 5000, "what is put is there at once");
        if is_killed {
            process.kill().unwrap();
            assert!(process.join().is_err());
        } else {
            queue.close().unwrap();
            assert!(process.join().unwrap(), "it is told");
        }
        // One may have been put and not been counted.
        let count = count();
        let all: Vec<u64> = std::iter::from_fn(|| queue.try_get().ok().flatten()).collect();
        assert!(all.iter().copied().eq(0..all.len() as u64));
        assert!([count, count + 1].contains(&(all.len() as u64)), "{count} {}", all.len());
        assert!(is_killed || all.len() as u64 == count);
    }
}
