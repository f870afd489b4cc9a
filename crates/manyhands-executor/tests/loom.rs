//! Models of the state machine of a task, explored by loom: all interleavings, and all values that
//! the memory model lets a load see. The protocol is stated in `src/task/README.md`.
//!
//! ```sh
//! RUSTFLAGS="--cfg manyhands_loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --release -p manyhands-executor --test loom
//! ```
//!
//! The outcome lies in a cell whose accesses loom checks: an access that is not ordered after the
//! store is reported, and so is a waiter that nobody wakes.
#![cfg(manyhands_loom)]

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use manyhands_executor::{
    Awaited, Callbacks, Cancellation, Executor, Home, InProcess, Job, Rejected, Shutdown, Task,
    TaskError, TaskErrorKind, TaskOptions, as_completed, wait_all,
};

fn job_of(value: u32) -> (Task<u32>, Job) {
    Job::of(TaskOptions::new(), move || value)
}

/// Explores a model that is too large for all interleavings: those with at most this many switches
/// away from a thread that could go on.
fn model_bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(model);
}

#[test]
fn a_waiter_is_woken_and_sees_the_outcome() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        assert_eq!(block_on(task).unwrap(), 7);
        runner.join().unwrap();
    });
}

#[test]
fn completion_against_cancel_has_one_outcome() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        let cancelled = task.cancel();
        match block_on(task) {
            Ok(value) => {
                assert_eq!(value, 7);
                assert_ne!(cancelled, Cancellation::Cancelled);
            }
            Err(error) => {
                assert!(error.is_cancelled());
                // Cancelled before it began, or while it ran: never when it had ended.
                assert_ne!(cancelled, Cancellation::TooLate);
            }
        }
        runner.join().unwrap();
    });
}

#[test]
fn of_two_claimers_one_ends_the_task() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let first = task.handle();
        let canceller = thread::spawn(move || first.cancel());
        job.fail(TaskError::new(TaskErrorKind::Lost, "lost"));
        let by_the_canceller = canceller.join().unwrap() == Cancellation::Cancelled;
        let error = block_on(task).unwrap_err();
        assert_eq!(error.is_cancelled(), by_the_canceller);
        assert_eq!(error.is_lost(), !by_the_canceller);
    });
}

#[test]
fn each_callback_runs_once_and_sees_the_outcome() {
    model_bounded(3, || {
        let (task, job) = job_of(7);
        let calls = Arc::new(AtomicUsize::new(0));
        let runner = thread::spawn(move || job.run());
        for _ in 0..2 {
            let calls = Arc::clone(&calls);
            task.on_done(move |outcome| {
                assert!(matches!(outcome, Ok(7)));
                calls.fetch_add(1, Ordering::Relaxed);
            });
        }
        // The outcome can be taken only when every callback has run.
        assert_eq!(block_on(task).unwrap(), 7);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        runner.join().unwrap();
    });
}

/// The callbacks of a task are left to whoever has ended it, while one is being added.
#[test]
fn callbacks_that_are_left_run_once() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let calls = Arc::new(AtomicUsize::new(0));
        let ender = thread::spawn(move || {
            let left = job.fail_apart(TaskError::new(TaskErrorKind::Lost, "nobody has run it"));
            left.into_iter().for_each(Callbacks::run);
        });
        let counted = Arc::clone(&calls);
        task.on_done(move |outcome| {
            assert!(outcome.as_ref().is_err_and(TaskError::is_lost));
            counted.fetch_add(1, Ordering::Relaxed);
        });
        assert!(block_on(task).unwrap_err().is_lost());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        ender.join().unwrap();
    });
}

/// A callback never returns, and the job is lost in the midst of it: whoever waits is told, and leaves
/// the outcome alone.
#[test]
fn a_callback_that_never_returns_against_a_waiter() {
    model_bounded(3, || {
        let (task, job) = job_of(7);
        let job: &'static Job = Box::leak(Box::new(job));
        task.on_done(move |_| {
            // SAFETY: the job is leaked, so this is its one owner. It goes on after this, which only
            // looks for more callbacks and waiters of a task that is done, and finds none.
            unsafe { std::ptr::read(job).lose("its thread ended") };
        });
        let runner = thread::spawn(move || job.run_in_place(|| {}));
        assert!(block_on(task).unwrap_err().is_lost());
        runner.join().unwrap();
    });
}

/// A job whose task somebody else is about to end is lost: that ends the task once.
#[test]
fn losing_a_job_against_cancelling_its_task() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let handle = task.handle();
        let canceller = thread::spawn(move || handle.cancel());
        // SAFETY: it has not begun.
        unsafe { job.lose("its thread ended") };
        let by_the_canceller = canceller.join().unwrap() == Cancellation::Cancelled;
        let error = block_on(task).unwrap_err();
        assert_eq!(error.is_cancelled(), by_the_canceller);
    });
}

#[test]
fn a_waiter_that_gives_up_leaves_the_outcome_to_the_next() {
    loom::model(|| {
        let (mut task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        // Registers a waker and never comes back for it, as a wait whose time is over.
        let first = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
        match first {
            Poll::Ready(outcome) => assert_eq!(outcome.unwrap(), 7),
            Poll::Pending => assert_eq!(block_on(task).unwrap(), 7),
        }
        runner.join().unwrap();
    });
}

#[test]
fn a_task_dropped_while_it_ends_disturbs_nobody() {
    loom::model(|| {
        let (mut task, job) = job_of(7);
        let handle = task.handle();
        let runner = thread::spawn(move || job.run());
        let _pending = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
        drop(task);
        runner.join().unwrap();
        assert!(handle.is_done() && !handle.is_failed());
    });
}

#[test]
fn a_dropped_job_fails_a_waiting_task() {
    loom::model(|| {
        let (task, job) = job_of(7);
        let dropper = thread::spawn(move || drop(job));
        assert!(block_on(task).unwrap_err().is_lost());
        dropper.join().unwrap();
    });
}

/// The worker that popped the job, and a worker that waits for the task and would run it itself.
#[test]
fn a_worker_and_a_waiter_run_the_task_once() {
    model_bounded(4, || {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let (task, job) = Job::of(TaskOptions::new(), move || {
            counted.fetch_add(1, Ordering::Relaxed);
            7
        });
        let home = Home::create();
        job.set_home(home);
        let runner = thread::spawn(move || job.run());
        assert_eq!(home.work(|| task.result()).unwrap(), 7);
        runner.join().unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    });
}

/// The wait loop itself, from two threads, through the task and through a handle.
#[test]
fn two_threads_wait_for_one_task() {
    model_bounded(2, || {
        let (task, job) = job_of(7);
        let handle = task.handle();
        let runner = thread::spawn(move || job.run());
        let other = thread::spawn(move || {
            handle.wait();
            assert!(handle.is_done());
        });
        assert_eq!(task.result().unwrap(), 7);
        runner.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_waiter_whose_time_is_over_takes_its_waker_back() {
    model_bounded(4, || {
        let (task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        // loom has no clock: a wait with a limit gives up as soon as it would park.
        let in_time = task.wait_timeout(Duration::from_nanos(1)).is_ok();
        assert!(!in_time || task.is_done());
        assert_eq!(task.result().unwrap(), 7);
        runner.join().unwrap();
    });
}

#[test]
fn several_tasks_are_each_yielded_once() {
    model_bounded(2, || {
        let (tasks, jobs): (Vec<_>, Vec<_>) = [job_of(1), job_of(2)].into_iter().unzip();
        let runners: Vec<_> =
            jobs.into_iter().map(|job| thread::spawn(move || job.run())).collect();
        let sum: u32 = as_completed(tasks).map(|task| task.result().unwrap()).sum();
        assert_eq!(sum, 3);
        runners.into_iter().for_each(|runner| runner.join().unwrap());
    });
}

#[test]
fn giving_up_on_several_tasks_races_with_their_end() {
    model_bounded(3, || {
        let (task, job) = job_of(7);
        let runner = thread::spawn(move || job.run());
        drop(as_completed([&task]));
        assert_eq!(wait_all([&task]).done.len(), 1);
        assert_eq!(task.result().unwrap(), 7);
        runner.join().unwrap();
    });
}

/// Takes jobs for the model to poll.
struct Caught(std::sync::Mutex<Option<Job>>);

impl Executor for Caught {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        *self.0.lock().unwrap() = Some(job);
        Ok(())
    }

    fn parallelism(&self) -> usize {
        1
    }

    fn shutdown(&self, _how: Shutdown) {}
}

impl InProcess for Caught {}

fn future_of(future: impl Future<Output = u32> + Send + 'static) -> (Task<u32>, Job) {
    let caught = Caught(std::sync::Mutex::new(None));
    let task = caught.spawn_async(future);
    let job = caught.0.lock().unwrap().take().unwrap();
    (task, job)
}

/// Pending once, then ready.
fn in_two_polls() -> impl Future<Output = u32> + Send {
    let mut polls = 0;
    poll_fn(move |cx| {
        polls += 1;
        if polls > 1 {
            return Poll::Ready(7);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// The future lies in a cell that loom checks: two threads in it at a time are reported.
#[test]
fn polling_a_future_against_cancelling_it() {
    model_bounded(4, || {
        let (task, mut job) = future_of(in_two_polls());
        let runner = thread::spawn(move || block_on(poll_fn(|cx| job.poll(cx))));
        let cancelled = task.cancel();
        match block_on(task) {
            Ok(value) => {
                assert_eq!(value, 7);
                assert_ne!(cancelled, Cancellation::Cancelled);
            }
            Err(error) => {
                assert!(error.is_cancelled());
                assert_ne!(cancelled, Cancellation::TooLate);
            }
        }
        runner.join().unwrap();
    });
}

/// A future that only its cancellation ends is polled again when that comes. Running code that waits
/// registers in the same way; a model of that would be unwound, which poisons loom's mutexes.
#[test]
fn cancelling_wakes_a_future_that_is_pending() {
    model_bounded(4, || {
        let (task, mut job) = future_of(pending());
        let runner = thread::spawn(move || block_on(poll_fn(|cx| job.poll(cx))));
        assert_ne!(task.cancel(), Cancellation::TooLate);
        assert!(block_on(task).unwrap_err().is_cancelled());
        runner.join().unwrap();
    });
}

/// A runtime drops a future that it has begun, while somebody cancels the task.
#[test]
fn abandoning_a_future_against_cancelling_it() {
    model_bounded(4, || {
        let (task, mut job) = future_of(pending());
        let handle = task.handle();
        let runner = thread::spawn(move || {
            let _pending = job.poll(&mut Context::from_waker(Waker::noop()));
            drop(job);
        });
        handle.cancel();
        let error = block_on(task).unwrap_err();
        assert!(error.is_cancelled() || error.is_lost());
        runner.join().unwrap();
    });
}

loom::thread_local! {
    /// The queue of a scheduler: the job that `begin` begins.
    static QUEUE: RefCell<Option<Job>> = RefCell::new(None);
}

/// What a scheduler does with a job of its own that one of its contexts waits for.
fn begin(awaited: &Awaited) -> bool {
    let job = QUEUE.with(|queue| queue.borrow_mut().take());
    let Some(job) = job.filter(|job| job.id() == Some(awaited.id())) else { return false };
    // SAFETY: run right here, and gone afterwards.
    unsafe { job.stay_for(awaited) };
    job.run();
    true
}

/// The owner of a task awaits it on the thread of its job, which spares them atomic
/// read-modify-writes if nobody else knows the task. A handle elsewhere is such a somebody, until it
/// is gone; what it did is seen then.
#[test]
fn awaiting_a_task_where_its_job_is_against_a_handle_elsewhere() {
    model_bounded(4, || {
        let home = Home::create();
        let (task, job) = job_of(7);
        job.set_home(home);
        QUEUE.with(|queue| queue.replace(Some(job)));
        let handle = task.handle();
        let canceller = thread::spawn(move || handle.cancel());
        let outcome = home.schedule(begin, || task.result());
        let cancelled = canceller.join().unwrap();
        match outcome {
            Ok(value) => {
                assert_eq!(value, 7);
                assert_ne!(cancelled, Cancellation::Cancelled);
            }
            Err(error) => {
                assert!(error.is_cancelled());
                assert_ne!(cancelled, Cancellation::TooLate);
            }
        }
        drop(QUEUE.with(|queue| queue.take()));
    });
}

/// Job, task and a handle end on three threads: one of them frees the cell, after the others.
#[test]
fn the_last_of_three_references_frees_the_cell() {
    loom::model(|| {
        let value = Arc::new(7);
        let held = Arc::clone(&value);
        let (task, job) = Job::of(TaskOptions::new(), move || held);
        let handle = task.handle();
        let runner = thread::spawn(move || job.run());
        let other = thread::spawn(move || drop(handle));
        drop(task);
        runner.join().unwrap();
        other.join().unwrap();
        // Loom's `Arc` sees a drop that is not ordered after what the others did.
        assert_eq!(Arc::strong_count(&value), 1);
    });
}
