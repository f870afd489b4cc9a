//! Deadlines and time limits of tasks, in the queue and while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use manyhands::{
    AnyExecutor, ExecutorExt, Group, InProcess, TaskOptions, TimedOut, current_deadline, sleep,
    timeout,
};

use crate::models::{Busy, on_all, on_queued, on_single};
use crate::patience::LONG;

const SHORT: Duration = Duration::from_millis(10);

fn limited() -> TaskOptions {
    TaskOptions::new().time_limit(SHORT)
}

fn due() -> TaskOptions {
    TaskOptions::new().deadline(Instant::now() + SHORT)
}

#[test]
fn a_time_limit_ends_running_code_at_its_next_wait() {
    on_all(|executor| {
        let task = executor.with(limited()).spawn(|| sleep(LONG));
        let error = task.result().unwrap_err();
        assert!(error.is_timed_out(), "{error:?}");
        assert!(error.message().contains("longer than it was allowed"), "{error}");
        let future = executor.with(limited()).spawn_async(std::future::pending::<()>());
        assert!(future.result().unwrap_err().is_timed_out());
        let portable = executor.with(limited()).submit(|()| sleep(LONG), ());
        assert!(portable.result().unwrap_err().is_timed_out());
    });
}

#[test]
fn a_deadline_ends_running_code_at_its_next_wait() {
    on_all(|executor| {
        let task = executor.with(due()).spawn(|| sleep(LONG));
        assert!(task.result().unwrap_err().is_timed_out());
        let future = executor.with(due()).spawn_async(std::future::pending::<()>());
        assert!(future.result().unwrap_err().is_timed_out());
    });
}

#[test]
fn a_task_that_has_passed_its_deadline_is_not_started() {
    on_single(|executor| {
        let busy = Busy::on(executor);
        let runs = Arc::new(AtomicUsize::new(0));
        let inside = Arc::clone(&runs);
        let task = executor.with(due()).spawn(move || inside.fetch_add(1, Ordering::Relaxed));
        // The only worker is busy: it is the waiter who notices.
        let error = task.result().unwrap_err();
        assert!(error.is_timed_out());
        assert!(error.message().contains("before it was started"), "{error}");
        busy.end();
        executor.spawn(|| ()).result().unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn time_in_the_queue_does_not_count_for_a_time_limit() {
    on_single(|executor| {
        let busy = Busy::on(executor);
        let task = executor.with(TaskOptions::new().time_limit(LONG)).spawn(|| 3);
        let brief = executor.with(limited()).spawn(|| 4);
        std::thread::sleep(SHORT * 2);
        busy.end();
        assert_eq!(task.result().unwrap(), 3);
        assert_eq!(brief.result().unwrap(), 4);
    });
}

#[test]
fn a_value_that_comes_late_without_a_wait_counts() {
    on_all(|executor| {
        let task = executor.with(limited()).spawn(|| {
            std::thread::sleep(SHORT * 2);
            5
        });
        assert_eq!(task.result().unwrap(), 5);
    });
}

#[test]
fn code_knows_by_when_it_must_end() {
    on_all(|executor| {
        assert_eq!(executor.spawn(current_deadline).result().unwrap(), None);
        let at = Instant::now() + LONG;
        let options = TaskOptions::new().deadline(at).time_limit(LONG * 2);
        assert_eq!(executor.with(options).spawn(current_deadline).result().unwrap(), Some(at));
        let future = executor
            .with(TaskOptions::new().deadline(at))
            .spawn_async(async { current_deadline() });
        assert_eq!(future.result().unwrap(), Some(at));
    });
}

#[test]
fn a_task_does_not_inherit_by_itself() {
    // A task may outlive who submits it; groups and scopes inherit.
    on_all(|executor| {
        let inherited = timeout(LONG, || executor.spawn(current_deadline).result().unwrap());
        assert_eq!(inherited, Ok(None));
        let inherited = timeout(LONG, || {
            let group = Group::new(executor);
            let task = group.spawn(current_deadline);
            group.wait().unwrap();
            (task.result().unwrap(), current_deadline())
        });
        let (inside, outside) = inherited.unwrap();
        assert!(inside.is_some());
        assert_eq!(inside, outside);
    });
}

#[test]
fn timeouts_nest_inside_a_task() {
    on_all(|executor| {
        let task = executor.with(TaskOptions::new().time_limit(LONG)).spawn(|| {
            let inner = timeout(SHORT, || timeout(LONG, || sleep(LONG)));
            assert_eq!(inner, Err(TimedOut));
            let inner = timeout(LONG, || timeout(SHORT, || sleep(LONG)));
            assert_eq!(inner, Ok(Err(TimedOut)));
            "went on"
        });
        assert_eq!(task.result().unwrap(), "went on");
        let outer = executor.with(limited()).spawn(|| {
            let inner = timeout(LONG, || sleep(LONG));
            unreachable!("the task's own limit is around it, but {inner:?}");
        });
        let error: Result<(), _> = outer.result();
        assert!(error.unwrap_err().is_timed_out());
    });
}

#[test]
fn a_destructor_may_wait_after_the_limit() {
    on_all(|executor| {
        struct Waits(Arc<AtomicUsize>);
        impl Drop for Waits {
            fn drop(&mut self) {
                sleep(Duration::from_millis(1));
                self.0.fetch_add(1, Ordering::Release);
            }
        }
        let waited = Arc::new(AtomicUsize::new(0));
        let waits = Waits(Arc::clone(&waited));
        let task = executor.with(limited()).spawn(move || {
            let _waits = waits;
            sleep(LONG);
        });
        assert!(task.result().unwrap_err().is_timed_out());
        assert_eq!(waited.load(Ordering::Acquire), 1);
    });
}

#[test]
fn a_wait_for_a_task_is_ended_by_the_waiters_own_deadline() {
    on_queued(|executor| {
        let other: AnyExecutor = "threads:1".parse().unwrap();
        let busy = Busy::on(&other);
        assert_eq!(timeout(SHORT, || busy.task.wait()), Err(TimedOut));
        let handle = busy.task.handle();
        let task = executor.with(limited()).spawn(move || handle.wait());
        assert!(task.result().unwrap_err().is_timed_out());
        busy.end();
    });
}
