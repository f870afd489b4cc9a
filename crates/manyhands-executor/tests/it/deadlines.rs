//! Deadlines of tasks that are still in the queue, where nobody but their waiters looks at the
//! clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use manyhands_executor::{
    ExecutorExt, Group, Task, TaskOptions, as_completed, as_completed_timeout, wait_all, wait_any,
    wait_any_timeout, wait_first_error,
};

use manyhands_wait::{Parker, ThreadParker, with_parker};

use crate::by_hand::ByHand;
use crate::patience::{Gate, LONG, eventually};

const SOON: Duration = Duration::from_millis(20);

fn due_soon() -> TaskOptions {
    TaskOptions::new().deadline(Instant::now() + SOON)
}

fn never<R>() -> R {
    unreachable!("it must not be started after its deadline")
}

#[track_caller]
fn assert_late<R: std::fmt::Debug>(task: Task<R>) {
    let error = task.result().unwrap_err();
    assert!(error.is_timed_out(), "{error:?}");
    assert!(error.message().contains("before it was started"), "{error}");
}

#[test]
fn a_late_job_is_not_started() {
    let executor = ByHand::new();
    let task = executor.with(TaskOptions::new().deadline(Instant::now())).spawn(never::<u32>);
    executor.next().run();
    assert_late(task);
}

#[test]
fn a_late_future_is_not_started() {
    let executor = ByHand::new();
    let late = || executor.with(TaskOptions::new().deadline(Instant::now()));
    let (run, polled) =
        (late().spawn_async(async { never::<u32>() }), late().spawn_async(async {}));
    executor.next().run();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(executor.next().poll(&mut cx).is_ready());
    assert_late(run);
    assert_late(polled);
}

#[test]
fn who_waits_for_the_result_is_told_in_time() {
    let executor = ByHand::new();
    assert_late(executor.with(due_soon()).spawn(never::<u32>));
    assert!(executor.next().is_over());
}

#[test]
fn who_waits_through_a_handle_is_told_in_time() {
    let executor = ByHand::new();
    let task = executor.with(due_soon()).spawn(never::<u32>);
    task.handle().wait();
    assert_late(task);
}

#[test]
fn who_waits_for_several_is_told_in_time() {
    let executor = ByHand::new();
    let late = || executor.with(due_soon()).spawn(never::<u32>);
    let without_deadline = executor.spawn_never();

    let tasks = [late(), late()];
    assert_eq!(wait_all(&tasks).done.len(), 2);
    tasks.into_iter().for_each(assert_late);

    let tasks = [without_deadline, late()];
    let waited = wait_any(tasks);
    assert_eq!((waited.done.len(), waited.not_done.len()), (1, 1));
    waited.done.into_iter().for_each(assert_late);

    let tasks = [executor.spawn_never(), late()];
    let waited = wait_first_error(tasks.each_ref().map(Task::handle));
    assert_eq!(waited.done, [tasks[1].handle()]);

    let tasks = [executor.spawn_never(), late()];
    let id = tasks[1].id();
    let mut ended = as_completed(tasks);
    let first = ended.next().unwrap();
    assert_eq!(first.id(), id);
    assert_late(first);
}

#[test]
fn the_limit_of_the_wait_comes_first_if_it_is_shorter() {
    let executor = ByHand::new();
    let distant = TaskOptions::new().deadline(Instant::now() + LONG);
    let task = executor.with(distant).spawn(never::<u32>);
    assert!(task.wait_timeout(Duration::from_millis(1)).is_err());
    assert!(wait_any_timeout([&task], Duration::from_millis(1)).done.is_empty());
    let mut ended = as_completed_timeout([&task], Duration::from_millis(1));
    assert!(ended.next().unwrap().is_err());
    drop(ended);
    assert!(!task.is_done());
    task.cancel();
}

#[test]
fn a_group_with_a_time_limit_ends_in_time_though_nobody_starts_its_tasks() {
    let executor = ByHand::new();
    let group = Group::new(&executor).time_limit(SOON);
    let task = group.spawn(never::<u32>);
    assert!(group.wait().unwrap_err().is_timed_out());
    assert_late(task);
}

#[test]
fn waiting_for_the_callbacks_of_a_late_task_is_not_a_busy_loop() {
    // The deadline passes in the queue, and the callback of the task takes its time: everybody who
    // waits for the task sleeps meanwhile.
    let executor = ByHand::new();
    let task = Arc::new(executor.with(due_soon()).spawn(never::<u32>));
    let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    task.on_done({
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move |_| {
            begun.open();
            go.pass();
        }
    });
    let first = std::thread::spawn({
        let task = Arc::clone(&task);
        move || task.wait()
    });
    begun.pass();
    let parks = Arc::new(AtomicU32::new(0));
    let second = std::thread::spawn({
        let parker = Counting { inner: Arc::new(ThreadParker::new()), parks: Arc::clone(&parks) };
        move || with_parker(&parker, || task.wait())
    });
    eventually("the second one parks", || parks.load(Ordering::Relaxed) > 0);
    std::thread::sleep(Duration::from_millis(50));
    go.open();
    first.join().unwrap();
    second.join().unwrap();
    let parks = parks.load(Ordering::Relaxed);
    assert!(parks < 10, "parked {parks} times for one wait");
}

/// A thread's parker that counts.
struct Counting {
    inner: Arc<ThreadParker>,
    parks: Arc<AtomicU32>,
}

impl Parker for Counting {
    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.inner))
    }

    fn park(&self, until: Option<Instant>) {
        self.parks.fetch_add(1, Ordering::Relaxed);
        self.inner.park(until);
    }
}

trait SpawnNever {
    fn spawn_never(&self) -> Task<u32>;
}

impl SpawnNever for ByHand {
    fn spawn_never(&self) -> Task<u32> {
        self.with(TaskOptions::new()).spawn(never::<u32>)
    }
}
