//! Callbacks: each runs once, with the outcome, before anybody can take it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use manyhands_executor::{Job, TaskOptions};

use crate::patience::{Gate, eventually};

#[test]
fn they_run_in_their_order_and_before_the_outcome_can_be_taken() {
    let (task, job) = Job::of(TaskOptions::new(), || 7);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for number in 0..3 {
        let seen = Arc::clone(&seen);
        task.on_done(move |outcome| {
            seen.lock().unwrap().push((number, *outcome.as_ref().unwrap()));
        });
    }
    let worker = std::thread::spawn(move || job.run());
    assert_eq!(task.result().unwrap(), 7);
    assert_eq!(*seen.lock().unwrap(), [(0, 7), (1, 7), (2, 7)]);
    worker.join().unwrap();
}

#[test]
fn while_they_run_the_task_has_ended_but_is_not_to_be_had() {
    let (task, job) = Job::of(TaskOptions::new(), || 7);
    let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    task.on_done({
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move |_| {
            begun.open();
            go.pass();
        }
    });
    let worker = std::thread::spawn(move || job.run());
    begun.pass();
    assert!(task.is_done() && !task.is_running());
    assert!(task.outcome().is_none());
    assert!(task.wait_timeout(std::time::Duration::from_millis(1)).is_err());
    go.open();
    assert_eq!(task.result().unwrap(), 7);
    worker.join().unwrap();
}

#[test]
fn one_that_is_added_meanwhile_runs_too() {
    for _ in 0..500 {
        let (task, job) = Job::of(TaskOptions::new(), || 7);
        let runs = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| job.run());
            for _ in 0..4 {
                let runs = Arc::clone(&runs);
                task.on_done(move |outcome| {
                    assert_eq!(outcome.as_ref().unwrap(), &7);
                    runs.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        task.wait();
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }
}

#[test]
fn one_may_add_another() {
    let (task, job) = Job::of(TaskOptions::new(), || 7);
    let task = Arc::new(task);
    let (sender, receiver) = channel();
    task.on_done({
        let task = Arc::clone(&task);
        move |_| {
            let inner = sender.clone();
            task.on_done(move |outcome| inner.send(*outcome.as_ref().unwrap()).unwrap());
            sender.send(0).unwrap();
        }
    });
    job.run();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 7]);
    assert!(task.is_done());
}

#[test]
fn one_may_drop_the_task() {
    let (task, job) = Job::of(TaskOptions::new(), || vec![1]);
    let slot = Arc::new(Mutex::new(None));
    task.on_done({
        let slot = Arc::clone(&slot);
        move |outcome| {
            drop(slot.lock().unwrap().take());
            assert_eq!(outcome.as_ref().unwrap(), &[1]);
        }
    });
    *slot.lock().unwrap() = Some(task);
    job.run();
    assert!(slot.lock().unwrap().is_none());
}

#[test]
fn one_sees_a_value_that_is_only_send() {
    let (task, job) = Job::of(TaskOptions::new(), || std::cell::Cell::new(3));
    let (sender, receiver) = channel();
    task.on_done(move |outcome| {
        let cell = outcome.as_ref().unwrap();
        cell.set(cell.get() + 1);
        sender.send(cell.get()).unwrap();
    });
    std::thread::spawn(move || job.run()).join().unwrap();
    assert_eq!(receiver.recv().unwrap(), 4);
    assert_eq!(task.result().unwrap().get(), 4);
}

#[test]
fn after_the_outcome_was_taken_there_is_nothing_to_see() {
    let (mut task, job) = Job::of(TaskOptions::new(), || 7);
    job.run();
    assert_eq!(task.result_timeout(std::time::Duration::ZERO).unwrap().unwrap(), 7);
    task.on_done(|_| panic!("there is no outcome"));
}

#[test]
fn a_task_cancelled_in_the_queue_calls_them_in_the_canceller() {
    let (task, job) = Job::of(TaskOptions::new(), || 7);
    let (sender, receiver) = channel();
    task.on_done(move |outcome| {
        let cancelled = outcome.as_ref().unwrap_err().is_cancelled();
        sender.send((cancelled, std::thread::current().id())).unwrap();
    });
    task.cancel();
    assert_eq!(receiver.try_recv(), Ok((true, std::thread::current().id())));
    drop(job);
}

#[test]
fn those_for_values_and_for_errors_are_called_for_theirs() {
    let (sender, receiver) = channel();
    let watch = |task: &manyhands_executor::Task<u8>| {
        let (values, errors) = (sender.clone(), sender.clone());
        task.on_value(move |value| values.send(format!("value {value}")).unwrap());
        task.on_error(move |error| errors.send(format!("error {}", error.kind())).unwrap());
    };
    let (task, job) = Job::of(TaskOptions::new(), || 7);
    watch(&task);
    job.run();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["value 7"]);
    let (task, job) = Job::of(TaskOptions::new(), || panic!("as a test asked for"));
    watch(&task);
    job.run();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["error panicked"]);
    let (task, _job) = Job::of(TaskOptions::new(), || 7);
    task.cancel();
    watch(&task);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["error cancelled"]);
}

#[test]
fn one_that_waits_for_its_own_task_is_told_so() {
    let (task, job) = Job::of(TaskOptions::new().name("cook"), || 7);
    let myself = task.handle();
    let (sender, receiver) = channel();
    task.on_done(move |_| sender.send(myself.wait_checked()).unwrap());
    std::thread::Builder::new().name("kitchen".into()).spawn(move || job.run()).unwrap();
    let report = receiver.recv().unwrap().expect_err("it can never end").to_string();
    let first = format!(
        "deadlock: thread 'kitchen' waits for itself\n  thread 'kitchen' waits for result of task {} \
         'cook', whose callbacks have not returned at ",
        task.id()
    );
    assert!(report.starts_with(&first), "{report}");
    assert!(report.ends_with(", which is held by thread 'kitchen'"), "{report}");
    assert_eq!(task.result().unwrap(), 7, "nothing else is lost");
}

#[test]
fn those_of_two_tasks_that_wait_for_the_other_task_have_one_victim() {
    let pairs: [_; 2] = std::array::from_fn(|_| Job::of(TaskOptions::new(), || 7));
    let (sender, receiver) = channel();
    let both = Arc::new(std::sync::Barrier::new(2));
    for (here, there) in [(0, 1), (1, 0)] {
        let (other, both, sender) = (pairs[there].0.handle(), Arc::clone(&both), sender.clone());
        pairs[here].0.on_done(move |_| {
            both.wait();
            sender.send(other.wait_checked().is_err()).unwrap();
        });
    }
    for (task, job) in pairs {
        std::thread::spawn(move || job.run());
        drop(task);
    }
    let mut deadlocks = [receiver.recv().unwrap(), receiver.recv().unwrap()];
    deadlocks.sort_unstable();
    assert_eq!(deadlocks, [false, true]);
}

#[test]
fn one_that_waits_for_what_somebody_will_do_is_waited_for() {
    let (task, job) = Job::of(TaskOptions::new(), || 7);
    let (other, other_job) = Job::of(TaskOptions::new(), || 8);
    let (other, waits) = (other.handle(), Arc::new(Gate::default()));
    task.on_done({
        let waits = Arc::clone(&waits);
        move |_| {
            waits.open();
            assert!(other.wait_checked().is_ok());
        }
    });
    let worker = std::thread::spawn(move || job.run());
    let waiter = std::thread::spawn(move || task.result());
    waits.pass();
    eventually("both wait", || {
        manyhands_wait::dump().to_string().matches("for result of task").count() >= 2
    });
    other_job.run(); // of which nobody knew who has it
    assert_eq!(waiter.join().unwrap().unwrap(), 7);
    worker.join().unwrap();
}
