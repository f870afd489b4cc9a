//! Coroutines that wait for each other, or for threads that wait for them, in a circle.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_coroutines::{spawn_local, spawn_named, yield_now};
use manyhands_executor::{Job, TaskHandle, TaskOptions};

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
