//! Callbacks of portable jobs that are left to another thread than the one that ends the task.

use std::sync::{Arc, Mutex};

use manyhands_executor::{ExecutorExt, Plain, TaskError, TaskErrorKind};

use crate::by_hand::ByHand;
use crate::luggage::Beside;

fn double(n: u64) -> u64 {
    n * 2
}

fn give_back(text: Beside) -> Beside {
    text
}

#[test]
fn callbacks_can_be_left_to_another_thread() {
    let executor = ByHand::new();
    let here = std::thread::current().id();
    let ran_on = || {
        let place = Arc::new(Mutex::new(None));
        let note = Arc::clone(&place);
        (place, move || *note.lock().unwrap() = Some(std::thread::current().id()))
    };
    let elsewhere = |callbacks: manyhands_executor::Callbacks| {
        std::thread::spawn(move || callbacks.run()).join().unwrap();
    };

    let completed = executor.submit(double, 4);
    let (place, note) = ran_on();
    completed.on_done(move |outcome| {
        assert_eq!(*outcome.as_ref().unwrap(), 8);
        note();
    });
    let dispatched = executor.next().dispatch().unwrap();
    let outcome = dispatched.entry().call_encoded(dispatched.argument());
    let left = dispatched.complete_encoded_apart(&outcome, &mut Plain).unwrap();
    assert!(completed.outcome().is_none() && place.lock().unwrap().is_none());
    elsewhere(left);
    assert_eq!(completed.result().unwrap(), 8);
    assert!(place.lock().unwrap().is_some_and(|thread| thread != here));

    let lost = executor.submit(double, 4);
    lost.on_done(|_| {});
    let dispatched = executor.next().dispatch().unwrap();
    let error = || TaskError::new(TaskErrorKind::WorkerDied, "gone");
    drop(dispatched.fail_apart(error()).unwrap());
    assert!(lost.result().unwrap_err().is_worker_died());

    let unbegun = executor.submit(double, 4);
    unbegun.on_done(|_| {});
    executor.next().fail_apart(error()).unwrap().run();
    assert!(unbegun.result().unwrap_err().is_worker_died());

    let not_encoded = executor.submit(give_back, Beside("hush".to_owned()));
    let (place, note) = ran_on();
    not_encoded.on_done(move |_| note());
    elsewhere(executor.next().dispatch_apart(&mut Plain).unwrap_err().unwrap());
    assert!(not_encoded.result().unwrap_err().is_codec());
    assert!(place.lock().unwrap().is_some_and(|thread| thread != here));
}

#[test]
fn where_there_are_no_callbacks_none_are_left() {
    let executor = ByHand::new();
    let task = executor.submit(double, 4);
    let waiter = std::thread::spawn(move || task.result());
    let dispatched = executor.next().dispatch().unwrap();
    let outcome = dispatched.entry().call_encoded(dispatched.argument());
    assert!(dispatched.complete_encoded_apart(&outcome, &mut Plain).is_none());
    assert_eq!(waiter.join().unwrap().unwrap(), 8);
    let cancelled = executor.submit(double, 4);
    cancelled.on_done(|_| {});
    cancelled.cancel();
    let error = TaskError::new(TaskErrorKind::WorkerDied, "too late");
    assert!(executor.next().fail_apart(error).is_none(), "it has ended before");
    assert!(cancelled.result().unwrap_err().is_cancelled());
}
