//! Callbacks of tasks: they may wait, also for tasks of the same pool, whenever they were added.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};

use manyhands_executor::{ExecutorExt, TaskOptions};
use manyhands_processes::{Bytes, ProcessPool};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{compute, double, wait_for_ever};
use crate::patience::{LONG, eventually};

/// Opened once, passed by whoever comes.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let open = self.open.lock().unwrap();
        let (open, _) = self.opened.wait_timeout_while(open, LONG, |open| !*open).unwrap();
        assert!(*open, "nobody has opened the gate");
    }
}

#[test]
fn a_callback_may_wait_for_other_tasks_of_the_pool() {
    let pool = Arc::new(ProcessPool::new(1).unwrap());
    let (sender, receiver) = channel();
    let again = Arc::clone(&pool);
    pool.submit(compute, 50).on_done(move |outcome| {
        let first = *outcome.as_ref().unwrap();
        let second = again.submit(double, first).result().unwrap();
        sender.send(second).unwrap();
    });
    assert_eq!(receiver.recv_timeout(LONG).unwrap(), 100);
}

#[test]
fn a_callback_may_wait_for_tasks_that_have_callbacks() {
    let pool = Arc::new(ProcessPool::new(1).unwrap());
    let (sender, receiver) = channel();
    let again = Arc::clone(&pool);
    pool.submit(compute, 1).on_done(move |_| {
        let second = again.submit(compute, 50);
        let third = Arc::clone(&again);
        // Its callback waits for a task with a callback too.
        second.on_done(move |_| {
            let third = third.submit(compute, 50);
            third.on_done(|_| {});
            third.wait();
        });
        sender.send(second.result().unwrap()).unwrap();
    });
    assert_eq!(receiver.recv_timeout(LONG).unwrap(), 50);
}

#[test]
fn a_callback_that_never_returns_holds_up_no_outcome_and_no_other_callback() {
    let pool = ProcessPool::new(1).unwrap();
    let gate = Arc::new(Gate::default());
    let blocked: Vec<_> = (0..3).map(|n| pool.submit(double, n)).collect();
    for task in &blocked {
        let gate = Arc::clone(&gate);
        task.on_done(move |_| gate.pass());
    }
    let (sender, receiver) = channel();
    for n in 0..10 {
        let sender = sender.clone();
        pool.submit(double, n).on_done(move |outcome| {
            sender.send(*outcome.as_ref().unwrap()).unwrap();
        });
    }
    let mut seen: Vec<u64> = (0..10).map(|_| receiver.recv_timeout(LONG).unwrap()).collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq((0..10).map(double)));
    // Small and large outcomes of tasks without callbacks.
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8);
    let large = |length: usize| Bytes::from(vec![7; length]);
    assert_eq!(pool.submit(large, 1 << 20).result().unwrap().len(), 1 << 20);
    gate.open();
    for (n, task) in blocked.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64);
    }
}

/// Decoding one in this process says so, and waits.
struct Slow;

static DECODING: AtomicBool = AtomicBool::new(false);
static ADDED: Gate = Gate { open: Mutex::new(false), opened: Condvar::new() };

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Slow, D::Error> {
        DECODING.store(true, Ordering::Relaxed);
        ADDED.pass();
        <()>::deserialize(deserializer).map(|()| Slow)
    }
}

#[test]
fn a_callback_that_is_added_while_the_outcome_is_decoded_may_wait_too() {
    let pool = Arc::new(ProcessPool::new(1).unwrap());
    let task = pool.submit(|()| Slow, ());
    eventually("the outcome is decoded", || DECODING.load(Ordering::Relaxed));
    let (sender, receiver) = channel();
    let again = Arc::clone(&pool);
    task.on_done(move |_| sender.send(again.submit(double, 4).result().unwrap()).unwrap());
    ADDED.open();
    assert_eq!(receiver.recv_timeout(LONG).unwrap(), 8);
}

/// Cannot be encoded.
struct Stays;

impl Serialize for Stays {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("I stay"))
    }
}

impl<'de> Deserialize<'de> for Stays {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Stays, D::Error> {
        Err(serde::de::Error::custom("I was never there"))
    }
}

#[test]
fn callbacks_of_tasks_that_never_began_may_wait_too() {
    let pool = Arc::new(ProcessPool::builder().workers(1).prefetch_depth(1).build().unwrap());
    let first = pool.submit(wait_for_ever, ());
    eventually("it runs", || first.is_running());
    let (sender, receiver) = channel();
    let wait_for_another = || {
        let (again, sender) = (Arc::clone(&pool), sender.clone());
        move || {
            let another = again.submit(double, 4);
            sender.send(another.result().unwrap()).unwrap();
        }
    };
    // One that the service cannot encode, and one that is too late when it comes to it.
    let callback = wait_for_another();
    pool.submit(|_: Stays| (), Stays).on_done(move |outcome| {
        assert!(outcome.as_ref().unwrap_err().is_codec());
        callback();
    });
    let callback = wait_for_another();
    let late = TaskOptions::new().deadline(std::time::Instant::now());
    pool.with(late).submit(double, 1).on_done(move |outcome| {
        assert!(outcome.as_ref().unwrap_err().is_timed_out());
        callback();
    });
    first.cancel();
    for _ in 0..2 {
        assert_eq!(receiver.recv_timeout(LONG).unwrap(), 8);
    }
}
