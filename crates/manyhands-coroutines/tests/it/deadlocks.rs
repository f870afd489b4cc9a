//! Coroutines that wait for each other, or for threads that wait for them, in a circle.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use manyhands_coroutines::{Pool, block, idle, spawn_local, spawn_named, yield_now};
use manyhands_executor::{Job, Outcome, Task, TaskHandle, TaskOptions};

use crate::patience::{Gate, eventually};

#[test]
fn two_coroutines_that_join_each_other() {
    let other: Rc<RefCell<Option<TaskHandle>>> = Rc::default();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let first = spawn_named("first", {
        let (other, reports) = (Rc::clone(&other), Rc::clone(&reports));
        move || {
            let other = other.borrow().clone().unwrap();
            let outcome = other.wait_checked();
            reports.borrow_mut().extend(outcome.err());
        }
    });
    let second = spawn_named("second", {
        let (first, reports) = (first.handle(), Rc::clone(&reports));
        move || {
            yield_now();
            let outcome = first.wait_checked();
            reports.borrow_mut().extend(outcome.err());
        }
    });
    *other.borrow_mut() = Some(second.handle());
    first.result().unwrap();
    second.result().unwrap();
    let reports = reports.borrow();
    assert_eq!(reports.len(), 1, "one victim: {reports:?}");
    let report = reports[0].to_string();
    assert!(
        report.contains("coroutine 'first'") && report.contains("coroutine 'second'"),
        "{report}"
    );
}

#[test]
fn a_thread_that_waits_for_a_coroutine_of_its_own_which_waits_for_the_thread() {
    // The thread's own wait turns the coroutine, which is no reason for either of them to go on.
    let found = Arc::new(AtomicUsize::new(0));
    let (task, job) = Job::of(TaskOptions::new(), {
        let found = Arc::clone(&found);
        move || {
            let myself: TaskHandle = MYSELF.with(|myself| myself.borrow().clone()).unwrap();
            let coroutine = spawn_local({
                let found = Arc::clone(&found);
                move || {
                    found.fetch_add(usize::from(myself.wait_checked().is_err()), Ordering::SeqCst);
                }
            });
            found.fetch_add(usize::from(coroutine.result().is_err()), Ordering::SeqCst);
        }
    });
    thread_local! {
        static MYSELF: RefCell<Option<TaskHandle>> = const { RefCell::new(None) };
    }
    let handle = task.handle();
    std::thread::spawn(move || {
        MYSELF.set(Some(handle));
        job.run();
    })
    .join()
    .unwrap();
    task.result().unwrap();
    assert_eq!(found.load(Ordering::SeqCst), 1, "one victim");
}

#[test]
fn a_coroutine_and_a_thread_that_wait_for_each_other() {
    for _ in 0..20 {
        let (of_thread, job) = {
            let coroutine: Arc<std::sync::OnceLock<TaskHandle>> = Arc::default();
            let known = Arc::clone(&coroutine);
            let (task, job) = Job::of(TaskOptions::new(), move || {
                usize::from(known.wait().wait_checked().is_err())
            });
            let handle = task.handle();
            let found = spawn_local(move || usize::from(handle.wait_checked().is_err()));
            coroutine.set(found.handle()).unwrap();
            ((task, found), job)
        };
        let thread = std::thread::spawn(move || job.run());
        let (task, coroutine) = of_thread;
        let by_the_coroutine = coroutine.result().unwrap();
        assert_eq!(by_the_coroutine + task.result().unwrap(), 1, "one victim");
        thread.join().unwrap();
    }
}

/// A task whose code blocks on another thread until that very task has ended; what that is told.
fn blocked_for_itself() -> (Task<Option<String>>, Arc<OnceLock<TaskHandle>>) {
    let myself: Arc<OnceLock<TaskHandle>> = Arc::default();
    let waits_for = Arc::clone(&myself);
    let task = spawn_named("clerk", move || {
        block(move || waits_for.wait().wait_checked().err().map(|deadlock| deadlock.to_string()))
    });
    (task, myself)
}

#[test]
fn blocking_code_that_waits_for_its_caller() {
    let (task, myself) = blocked_for_itself();
    myself.set(task.handle()).unwrap();
    let id = task.id();
    // Whoever closes the circle is told: mostly the other thread, which then goes on.
    let report = match task.result() {
        Ok(report) => report.expect("one of the two was told"),
        Err(error) => error.deadlock().expect("one of the two was told").to_string(),
    };
    assert!(report.starts_with("deadlock: 2 contexts wait for each other\n"), "{report}");
    let of_clerk = format!(
        "coroutine 'clerk' in task {id} 'clerk' waits for blocking code on another thread at "
    );
    assert!(report.contains(&of_clerk), "{report}");
    assert!(report.contains(&format!("waits for result of task {id} 'clerk' at ")), "{report}");
    assert!(report.contains(", which is held by coroutine 'clerk'"), "{report}");
}

#[test]
fn blocking_code_that_waits_for_somebody_who_may_go_on() {
    let (other, job) = Job::of(TaskOptions::new(), || 7);
    let task = spawn_local(move || block(move || other.wait_checked().is_ok()));
    idle(); // it waits for the other thread
    eventually("that waits too", || {
        manyhands_wait::dump().to_string().contains("for result of task")
    });
    job.run(); // of which nobody knew who has it
    assert!(task.result().unwrap());
}

/// A coroutine that reads the outcomes of three calls, the second of which waits for what `wait` says,
/// given the reader.
fn reader_of_calls<I: Iterator<Item = Outcome<u32>>>(
    read: impl FnOnce(Box<dyn Fn(u32) -> u32>) -> I + 'static,
    wait: impl Fn(&TaskHandle) + 'static,
) -> Vec<Outcome<u32>> {
    let reader: Rc<RefCell<Option<TaskHandle>>> = Rc::default();
    let known = Rc::clone(&reader);
    let task = spawn_named("reader", move || {
        let call = move |n| {
            if n == 1 {
                wait(known.borrow().as_ref().unwrap());
            }
            n
        };
        read(Box::new(call)).collect()
    });
    *reader.borrow_mut() = Some(task.handle());
    task.result().unwrap()
}

/// Looks at the last outcome, which is a deadlock of the reader and a call.
fn check_end(outcomes: &[Outcome<u32>], values: &[u32], waits_for: &str) {
    let (last, others) = outcomes.split_last().unwrap();
    let mut got: Vec<u32> = others.iter().map(|outcome| *outcome.as_ref().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, values);
    let report = last.as_ref().unwrap_err().deadlock().expect("a deadlock").to_string();
    assert!(report.starts_with("deadlock: 2 contexts wait for each other\n"), "{report}");
    assert!(report.contains("  coroutine 'reader' in task "), "{report}");
    assert!(report.contains(waits_for) && report.contains("deadlocks.rs:"), "{report}");
    assert!(report.contains(" 'reader' at "), "the call waits for the reader: {report}");
}

#[test]
fn a_call_that_waits_for_the_reader_of_its_outcome_ends_the_reading() {
    let for_reader = |reader: &TaskHandle| reader.wait();
    let pool = Pool::new(3);
    let outcomes = reader_of_calls(move |f| pool.imap_unordered(f, 0..3), for_reader);
    let next = " waits for next outcome of a pool of coroutines, of 1 under way at ";
    check_end(&outcomes, &[0, 2], next);
    let pool = Pool::new(3);
    let outcomes = reader_of_calls(move |f| pool.imap(f, 0..3), for_reader);
    check_end(&outcomes, &[0], " waits for result of task ");
}

#[test]
fn a_call_that_waits_for_what_somebody_will_do_is_waited_for() {
    for unordered in [true, false] {
        let (other, job) = Job::of(TaskOptions::new(), || ());
        let (other, waits) = (other.handle(), Arc::new(Gate::default()));
        let waiting = Arc::clone(&waits);
        let wait = move |_: &TaskHandle| {
            waiting.open();
            assert!(other.wait_checked().is_ok());
        };
        let helper = std::thread::spawn(move || {
            waits.pass();
            job.run(); // of which nobody knew who has it
        });
        let pool = Pool::new(3);
        let outcomes = match unordered {
            true => reader_of_calls(move |f| pool.imap_unordered(f, 0..3), wait),
            false => reader_of_calls(move |f| pool.imap(f, 0..3), wait),
        };
        assert!(outcomes.len() == 3 && outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        helper.join().unwrap();
    }
}

#[test]
fn a_map_that_gets_no_place_because_its_pool_waits_for_it() {
    let pool = Pool::new(1);
    let inner = pool.clone();
    let member = pool.spawn(move || inner.imap_unordered(|n: u32| n, 0..3).collect::<Vec<_>>());
    let outcomes = member.result().unwrap();
    let [Err(error)] = &outcomes[..] else { panic!("{outcomes:?}") };
    let report = error.deadlock().expect("a deadlock").to_string();
    assert!(report.contains("waits for free place in a pool of coroutines at "), "{report}");
}
