//! Groups: tasks that end together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use manyhands::{AnyExecutor, CancelToken, Group, sleep, timeout, with_cancel_token};

use crate::models::{on_all, on_concurrent, on_queued};
use crate::patience::{Gate, LONG, eventually};

/// Counts how many are inside.
struct Inside(Arc<AtomicUsize>);

impl Inside {
    fn enter(count: &Arc<AtomicUsize>) -> Inside {
        count.fetch_add(1, Ordering::SeqCst);
        Inside(Arc::clone(count))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn failing() {
    std::panic::resume_unwind(Box::new("the first failure"));
}

#[test]
fn waiting_ends_when_all_have_ended() {
    on_all(|executor| {
        let group = Group::new(executor);
        let tasks: Vec<_> = (0..20).map(|n| group.spawn(move || n)).collect();
        let portable = group.submit(|n: i32| n + 1, 20);
        let future = group.spawn_async(async { 22 });
        group.wait().unwrap();
        assert!(tasks.iter().all(|task| task.is_done()));
        assert_eq!(tasks.into_iter().map(|task| task.result().unwrap()).sum::<i32>(), 190);
        assert_eq!(portable.result().unwrap() + future.result().unwrap(), 43);
    });
}

#[test]
fn an_empty_group_is_over() {
    on_all(|executor| Group::new(executor).wait().unwrap());
}

#[test]
fn the_first_failure_cancels_the_rest() {
    on_concurrent(|executor| {
        let inside = Arc::new(AtomicUsize::new(0));
        let group = Group::new(executor);
        let others: Vec<_> = (0..3)
            .map(|_| {
                let inside = Arc::clone(&inside);
                group.spawn(move || {
                    let _inside = Inside::enter(&inside);
                    sleep(LONG);
                })
            })
            .collect();
        eventually("they run", || inside.load(Ordering::SeqCst) == 3);
        // What is queued behind them never starts.
        let failing = group.spawn(failing);
        let queued: Vec<_> = (0..10).map(|_| group.spawn(|| sleep(LONG))).collect();
        let error = group.wait().unwrap_err();
        assert_eq!(error.message(), "the first failure");
        assert_eq!(inside.load(Ordering::SeqCst), 0, "all have ended");
        assert!(failing.is_done());
        assert!(others.iter().chain(&queued).all(|task| task.is_cancelled()));
    });
}

#[test]
fn one_that_is_added_after_a_failure_is_cancelled() {
    on_queued(|executor| {
        let group = Group::new(executor);
        group.spawn(failing).wait();
        let late = group.spawn(|| sleep(LONG));
        late.wait();
        assert!(late.is_cancelled());
        assert_eq!(group.wait().unwrap_err().message(), "the first failure");
    });
}

#[test]
fn a_cancelled_task_is_no_failure() {
    on_concurrent(|executor| {
        let group = Group::new(executor);
        let cancelled = group.spawn(|| sleep(LONG));
        let other = group.spawn(|| 5);
        cancelled.cancel();
        group.wait().unwrap();
        assert_eq!(other.result().unwrap(), 5);
    });
}

#[test]
fn a_group_that_is_cancelled_ends_all_its_tasks() {
    on_queued(|executor| {
        let group = Group::new(executor);
        let tasks: Vec<_> = (0..6).map(|_| group.spawn(|| sleep(LONG))).collect();
        group.cancel();
        let late = group.spawn(|| sleep(LONG));
        group.wait().unwrap();
        assert!(tasks.iter().chain([&late]).all(|task| task.is_cancelled()));
    });
}

#[test]
fn a_dropped_group_cancels_and_waits() {
    on_concurrent(|executor| {
        let inside = Arc::new(AtomicUsize::new(0));
        let group = Group::new(executor);
        for _ in 0..3 {
            let inside = Arc::clone(&inside);
            drop(group.spawn(move || {
                let _inside = Inside::enter(&inside);
                sleep(LONG);
            }));
        }
        eventually("they run", || inside.load(Ordering::SeqCst) == 3);
        drop(group);
        assert_eq!(inside.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_panic_of_the_owner_does_not_leave_tasks_behind() {
    on_concurrent(|executor| {
        let inside = Arc::new(AtomicUsize::new(0));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let group = Group::new(executor);
            let count = Arc::clone(&inside);
            let _task = group.spawn(move || {
                let _inside = Inside::enter(&count);
                sleep(LONG);
            });
            eventually("it runs", || inside.load(Ordering::SeqCst) == 1);
            std::panic::resume_unwind(Box::new("the owner fell over"));
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the owner fell over"));
        assert_eq!(inside.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_cancelled_owner_waits_for_its_tasks() {
    on_concurrent(|executor| {
        let inside = Arc::new(AtomicUsize::new(0));
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            let owner = scope.spawn(|| {
                with_cancel_token(&token, || {
                    let group = Group::new(executor);
                    let count = Arc::clone(&inside);
                    let _task = group.spawn(move || {
                        let _inside = Inside::enter(&count);
                        sleep(LONG);
                    });
                    group.wait()
                })
            });
            eventually("it runs", || inside.load(Ordering::SeqCst) == 1);
            token.cancel();
            assert!(owner.join().unwrap().is_err());
            assert_eq!(inside.load(Ordering::SeqCst), 0, "the owner has waited");
        });
    });
}

#[test]
fn a_time_limit_ends_the_group() {
    on_all(|executor| {
        let group = Group::new(executor).time_limit(Duration::from_millis(10));
        let task = group.spawn(|| sleep(LONG));
        assert!(group.wait().unwrap_err().is_timed_out());
        assert!(task.result().unwrap_err().is_timed_out());
        // The earlier of two deadlines counts.
        let ended = timeout(Duration::from_millis(10), || {
            let group = Group::new(executor).time_limit(LONG);
            drop(group.spawn(|| sleep(LONG)));
            group.wait()
        });
        assert!(ended.is_err() || ended.is_ok_and(|end| end.unwrap_err().is_timed_out()));
    });
}

#[test]
fn tasks_may_add_tasks() {
    on_queued(|executor| {
        let own: &'static AnyExecutor = Box::leak(Box::new(executor.model().start().unwrap()));
        let group: Arc<Group<'static, AnyExecutor>> = Arc::new(Group::new(own));
        let count = Arc::new(AtomicUsize::new(0));
        fn grow(group: &Arc<Group<'static, AnyExecutor>>, count: &Arc<AtomicUsize>, depth: u32) {
            count.fetch_add(1, Ordering::SeqCst);
            if depth > 0 {
                for _ in 0..2 {
                    let (inner, count) = (Arc::clone(group), Arc::clone(count));
                    drop(group.spawn(move || grow(&inner, &count, depth - 1)));
                }
            }
        }
        let gate = Arc::new(Gate::default());
        let first = {
            let (inner, count, gate) = (Arc::clone(&group), Arc::clone(&count), Arc::clone(&gate));
            group.spawn(move || {
                gate.pass();
                grow(&inner, &count, 5);
            })
        };
        gate.open();
        first.result().unwrap();
        eventually("the others let go of it", || Arc::strong_count(&group) == 1);
        let group = Arc::into_inner(group).unwrap();
        group.wait().unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 63);
    });
}

#[test]
fn many_short_tasks_do_not_pile_up() {
    on_all(|executor| {
        let group = Group::new(executor);
        for n in 0..2_000 {
            let task = group.spawn(move || n);
            if n % 2 == 0 {
                assert_eq!(task.result().unwrap(), n);
            }
        }
        group.wait().unwrap();
    });
}
