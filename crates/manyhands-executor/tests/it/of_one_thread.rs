//! Jobs that never leave their thread.

use std::cell::Cell;
use std::rc::Rc;
use std::thread;

use manyhands_executor::{Cancellation, Job, TaskErrorKind, TaskOptions};

/// Counts how often it was dropped, without being `Send`.
struct Counted(Rc<Cell<u32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn counted() -> (Counted, Rc<Cell<u32>>) {
    let count = Rc::new(Cell::new(0));
    (Counted(Rc::clone(&count)), count)
}

#[test]
fn neither_closure_nor_result_is_send() {
    let number = Rc::new(Cell::new(41));
    let (task, job) = Job::of_this_thread(TaskOptions::new(), {
        let number = Rc::clone(&number);
        move || {
            number.set(number.get() + 1);
            number
        }
    });
    job.run();
    assert_eq!(task.result().unwrap().get(), 42);
    assert_eq!(number.get(), 42);
}

#[test]
fn on_another_thread_it_does_not_run() {
    let (value, dropped) = counted();
    let (task, job) = Job::of_this_thread(TaskOptions::new(), move || drop(value));
    thread::spawn(move || job.run()).join().unwrap();
    assert!(task.is_done(), "nobody has the job any more");
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Lost);
    assert_eq!(dropped.get(), 1, "the closure was dropped with the task, at home");
}

#[test]
fn cancelled_from_another_thread_it_ends_at_once_and_its_closure_is_dropped_at_home() {
    let (value, dropped) = counted();
    let (task, job) = Job::of_this_thread(TaskOptions::new(), move || drop(value));
    let handle = task.handle();
    let cancelled = thread::spawn(move || handle.cancel()).join().unwrap();
    assert_eq!(cancelled, Cancellation::Cancelled);
    assert!(task.is_cancelled());
    assert_eq!(dropped.get(), 0);
    job.run();
    assert_eq!(dropped.get(), 1);
    assert!(task.result().unwrap_err().is_cancelled());
}

#[test]
fn dropped_unrun_it_is_lost_and_its_closure_is_dropped() {
    let (value, dropped) = counted();
    let (task, job) = Job::of_this_thread(TaskOptions::new(), move || drop(value));
    drop(job);
    assert_eq!(dropped.get(), 1);
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Lost);
}

#[test]
fn a_value_whose_last_handle_goes_elsewhere_is_leaked() {
    let (value, dropped) = counted();
    let (task, job) = Job::of_this_thread(TaskOptions::new(), move || value);
    job.run();
    let handle = task.handle();
    drop(task);
    assert_eq!(dropped.get(), 0);
    thread::spawn(move || drop(handle)).join().unwrap();
    assert_eq!(dropped.get(), 0, "its destructor may not run on another thread");
}

#[test]
fn a_value_whose_last_handle_goes_at_home_is_dropped() {
    let (value, dropped) = counted();
    let (task, job) = Job::of_this_thread(TaskOptions::new(), move || value);
    job.run();
    drop(task);
    assert_eq!(dropped.get(), 1);
}

#[test]
fn callbacks_see_the_value_at_home() {
    let (task, job) = Job::of_this_thread(TaskOptions::new(), || Rc::new(7));
    let (tell, told) = std::sync::mpsc::channel();
    task.on_done(move |outcome| tell.send(**outcome.as_ref().unwrap()).unwrap());
    job.run();
    assert_eq!(told.recv().unwrap(), 7);
}
