//! Futures as jobs: polled by an async executor or run on a thread, by one of them at a time.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use manyhands_executor::{
    Cancellation, ExecutorExt, InProcess, Job, Sequential, Task, TaskOptions,
};
use manyhands_wait::CancelToken;

use crate::by_hand::ByHand;
use crate::patience::{LONG, eventually};

/// Notices if two threads are in it at a time, or one destroys it while another polls it.
struct Exclusive {
    inside: Arc<AtomicBool>,
    polls_left: u32,
}

impl Exclusive {
    fn new(polls: u32) -> Exclusive {
        Exclusive { inside: Arc::new(AtomicBool::new(false)), polls_left: polls }
    }

    fn alone(&self) {
        assert!(!self.inside.swap(true, Ordering::SeqCst), "two threads in one future");
        // Long enough to be met.
        for _ in 0..500 {
            std::hint::spin_loop();
        }
        assert!(self.inside.swap(false, Ordering::SeqCst), "two threads in one future");
    }
}

impl Future for Exclusive {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        self.alone();
        if self.polls_left == 0 {
            return Poll::Ready(1);
        }
        self.polls_left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        self.alone();
    }
}

/// Lets two threads go at the same moment.
#[derive(Default)]
struct Start(AtomicUsize);

impl Start {
    fn meet(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        while self.0.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
    }
}

/// Polls a job as an async executor does.
fn poll_to_end(mut job: Job) {
    let mut cx = Context::from_waker(Waker::noop());
    while job.poll(&mut cx).is_pending() {}
}

#[test]
fn cancelling_races_with_the_first_poll() {
    let executor = ByHand::new();
    for round in 0..3000 {
        let task = executor.spawn_async(Exclusive::new(round % 3));
        let job = executor.next();
        let start = Start::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.meet();
                poll_to_end(job);
            });
            start.meet();
            task.cancel();
        });
        match task.result() {
            Ok(value) => assert_eq!(value, 1),
            Err(error) => assert!(error.is_cancelled(), "{error:?}"),
        }
    }
}

#[test]
fn a_waiter_that_runs_the_future_races_with_the_first_poll() {
    let executor = ByHand::new();
    for round in 0..3000 {
        let task = executor.spawn_async(Exclusive::new(round % 3));
        let job = executor.next();
        let start = Start::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.meet();
                poll_to_end(job);
            });
            start.meet();
            executor.work(|| task.wait());
        });
        assert_eq!(task.result().unwrap(), 1);
    }
}

#[test]
fn a_future_that_a_waiter_runs_is_nobody_elses() {
    let executor = ByHand::new();
    let gate = CancelToken::new();
    let task = executor.spawn_async({
        let gate = gate.clone();
        async move { gate.cancelled().await }
    });
    let mut job = executor.next();
    std::thread::scope(|scope| {
        scope.spawn(|| executor.work(|| task.wait()));
        eventually("the waiter runs it", || task.is_running());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(job.poll(&mut cx).is_ready(), "there is nothing left to do for the executor");
        drop(job);
        assert!(!task.is_done(), "it still runs");
        gate.cancel();
    });
    task.result().unwrap();
}

#[test]
fn a_polled_future_that_is_dropped_before_its_end_is_lost() {
    // What a runtime does that is shut down.
    let executor = ByHand::new();
    let task = executor.spawn_async(pending::<u32>());
    let mut job = executor.next();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(job.poll(&mut cx).is_pending());
    assert!(task.is_running());
    let waiter = std::thread::spawn(move || task.result());
    drop(job);
    assert!(waiter.join().unwrap().unwrap_err().is_lost());
}

#[test]
fn the_destructor_of_an_abandoned_future_runs_before_its_task_ends() {
    struct Sets(Arc<AtomicBool>);
    impl Drop for Sets {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let executor = ByHand::new();
    let dropped = Arc::new(AtomicBool::new(false));
    let sets = Sets(Arc::clone(&dropped));
    let task = executor.spawn_async(async move {
        let _sets = sets;
        pending::<()>().await;
    });
    let mut job = executor.next();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(job.poll(&mut cx).is_pending());
    task.on_done({
        let dropped = Arc::clone(&dropped);
        move |_| assert!(dropped.load(Ordering::Relaxed))
    });
    drop(job);
    assert!(task.is_done() && dropped.load(Ordering::Relaxed));
}

#[test]
fn cancelling_wakes_a_polled_future() {
    struct Counts(AtomicUsize);
    impl std::task::Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let executor = ByHand::new();
    let task = executor.spawn_async(pending::<u32>());
    let mut job = executor.next();
    let counts = Arc::new(Counts(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counts));
    let mut cx = Context::from_waker(&waker);
    for _ in 0..10 {
        assert!(job.poll(&mut cx).is_pending());
    }
    // One registration at a time, and one behind the waker that the future sees: those of earlier
    // polls are given back.
    assert!(Arc::strong_count(&counts) <= 4, "{} wakers are kept", Arc::strong_count(&counts));
    assert_eq!(task.cancel(), Cancellation::Requested);
    assert_eq!(counts.0.load(Ordering::Relaxed), 1);
    assert!(job.poll(&mut cx).is_ready());
    assert!(task.result().unwrap_err().is_cancelled());
}

#[test]
fn a_time_limit_ends_a_polled_future_at_its_next_poll() {
    let executor = ByHand::new();
    // A limit that is over within the first poll, on a thread that is held up there, says nothing.
    let ended = [5, 50, 500, 5_000].map(Duration::from_millis).into_iter().any(|limit| {
        let task =
            executor.with(TaskOptions::new().time_limit(limit)).spawn_async(pending::<u32>());
        let mut job = executor.next();
        let mut cx = Context::from_waker(Waker::noop());
        let is_in_time = job.poll(&mut cx).is_pending();
        if is_in_time {
            std::thread::sleep(limit + Duration::from_millis(1));
            assert!(job.poll(&mut cx).is_ready());
        }
        assert!(task.result().unwrap_err().is_timed_out());
        is_in_time
    });
    assert!(ended);
}

#[test]
fn a_panic_in_a_poll_or_a_destructor_fails_the_task() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("in the destructor"));
        }
    }
    let executor = ByHand::new();
    let in_poll =
        executor.spawn_async(async { std::panic::resume_unwind(Box::new("in the poll")) });
    let in_drop = executor.spawn_async(async {
        let _bomb = Bomb;
    });
    let late_drop = executor.spawn_async(async {
        let _bomb = Bomb;
        pending::<()>().await;
    });
    poll_to_end(executor.next());
    executor.next().run();
    let mut job = executor.next();
    assert!(job.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    late_drop.cancel();
    poll_to_end(job);
    let error: Result<(), _> = in_poll.result();
    assert_eq!(error.unwrap_err().message(), "in the poll");
    assert_eq!(in_drop.result().unwrap_err().message(), "in the destructor");
    assert!(late_drop.result().unwrap_err().is_cancelled());
}

#[test]
fn a_sequential_executor_drives_timers() {
    let task = Sequential::new().spawn_async(async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        "rested"
    });
    assert_eq!(task.result().unwrap(), "rested");
}

#[test]
fn a_task_is_a_future_of_its_outcome() {
    let executor = ByHand::new();
    let task = executor.spawn(|| 5);
    let job = executor.next();
    let runner = std::thread::spawn(move || job.run());
    assert_eq!(manyhands_wait::wait(task).unwrap(), 5);
    runner.join().unwrap();
}

#[test]
fn a_task_that_moves_between_pollers_wakes_the_last_one() {
    struct Woken(AtomicBool);
    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let executor = ByHand::new();
    let mut task = executor.spawn(|| 5);
    let woken: Vec<_> = (0..3).map(|_| Arc::new(Woken(AtomicBool::new(false)))).collect();
    for woken in &woken {
        let waker = Waker::from(Arc::clone(woken));
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    executor.next().run();
    assert!(woken[2].0.load(Ordering::Relaxed));
    assert!(woken.iter().all(|woken| Arc::strong_count(woken) == 1), "a waker is kept");
    assert_eq!(task.result().unwrap(), 5);
}

#[test]
fn a_dropped_task_takes_its_waker_back() {
    struct Unused;
    impl std::task::Wake for Unused {
        fn wake(self: Arc<Self>) {
            panic!("nobody waits any more");
        }
    }
    let executor = ByHand::new();
    let mut task = executor.spawn(|| 5);
    let unused = Arc::new(Unused);
    let waker = Waker::from(Arc::clone(&unused));
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
    drop((task, waker));
    assert_eq!(Arc::strong_count(&unused), 1);
    executor.next().run();
}

#[test]
fn the_destructor_of_a_waker_may_come_back_to_the_task() {
    // An executor that drops a future when its last waker goes does this; it must find no lock
    // held.
    struct Comes(manyhands_executor::TaskHandle, Arc<AtomicUsize>);
    impl std::task::Wake for Comes {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Comes {
        fn drop(&mut self) {
            assert!(self.0.wait_timeout(Duration::from_micros(1)).is_err());
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let executor = ByHand::new();
    let came = Arc::new(AtomicUsize::new(0));
    let mut task = executor.spawn(|| 5);
    let waker = |task: &Task<u32>| Waker::from(Arc::new(Comes(task.handle(), Arc::clone(&came))));
    for _ in 0..2 {
        // The second one replaces the first.
        let waker = waker(&task);
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(came.load(Ordering::Relaxed), 1);
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(came.load(Ordering::Relaxed), 2);
    let waker = waker(&task);
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
    drop((waker, task));
    assert_eq!(came.load(Ordering::Relaxed), 3);
}

#[test]
fn a_future_waits_with_manyhands_too() {
    // On a thread a future may block in its poll; the task's cancellation ends that wait.
    let executor = ByHand::new();
    let task = executor.spawn_async(poll_fn(|_| {
        manyhands_wait::sleep(LONG);
        Poll::Ready(())
    }));
    let job = executor.next();
    let runner = std::thread::spawn(move || job.run());
    eventually("it runs", || task.is_running());
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    runner.join().unwrap();
}
