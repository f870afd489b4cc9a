//! Tasks, threads, groups and pools that wait for each other in a circle: one of the waits ends with
//! the report, the others go on.

use std::sync::{Arc, OnceLock};

use manyhands_executor::{
    Group, TaskErrorKind, TaskHandle, as_completed, wait_all, wait_any, wait_first_error,
};
use manyhands_threads::{Thread, ThreadPool};
use manyhands_wait::Deadlock;

use crate::patience::Gate;

/// A handle that a task needs which was begun before it was there.
#[derive(Default)]
struct Later {
    handle: OnceLock<TaskHandle>,
    there: Gate,
}

impl Later {
    fn set(&self, handle: TaskHandle) {
        self.handle.set(handle).unwrap();
        self.there.open();
    }

    fn get(&self) -> &TaskHandle {
        self.there.pass();
        self.handle.get().unwrap()
    }
}

#[test]
fn a_task_that_waits_for_itself_learns_it() {
    let pool = ThreadPool::new(2).unwrap();
    let myself = Arc::new(Later::default());
    let task = pool.spawn({
        let myself = Arc::clone(&myself);
        move || myself.get().wait_checked().unwrap_err().to_string()
    });
    myself.set(task.handle());
    let report = task.result().unwrap();
    assert!(report.contains("waits for itself") && report.contains("result of task"), "{report}");
}

#[test]
fn two_threads_that_join_each_other_do_not_hang() {
    let other = Arc::new(Later::default());
    let first = Thread::builder()
        .name("first")
        .start({
            let other = Arc::clone(&other);
            move || other.get().wait_checked()
        })
        .unwrap();
    let handle = first.handle();
    let second = Thread::builder().name("second").start(move || handle.wait_checked()).unwrap();
    other.set(second.handle());
    let outcomes = [first.join().unwrap(), second.join().unwrap()];
    let reports: Vec<&Deadlock> =
        outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(reports.len(), 1, "one victim: {outcomes:?}");
    let report = reports[0].to_string();
    assert!(report.contains("'first'") && report.contains("'second'"), "{report}");
    assert!(report.contains("deadlocks.rs"), "where they wait: {report}");
}

/// Runs a task that waits for its own end in this way, and returns its error.
fn error_of_waiting_for_itself(
    wait: impl FnOnce(&TaskHandle) + Send + 'static,
) -> manyhands_executor::TaskError {
    let pool = ThreadPool::new(2).unwrap();
    let myself = Arc::new(Later::default());
    let task = pool.spawn({
        let myself = Arc::clone(&myself);
        move || wait(myself.get())
    });
    myself.set(task.handle());
    task.result().unwrap_err()
}

#[test]
fn waits_that_cannot_return_an_error_fail_the_task_with_the_deadlock() {
    let waits: [fn(&TaskHandle); 5] = [
        |myself| myself.wait(),
        |myself| drop(wait_any([myself])),
        |myself| drop(wait_all([myself])),
        |myself| drop(wait_first_error([myself])),
        |myself| assert!(as_completed([myself]).next().is_none()),
    ];
    for wait in waits {
        let error = error_of_waiting_for_itself(wait);
        assert_eq!(error.kind(), TaskErrorKind::Deadlock, "{error}");
        assert!(
            error.deadlock().is_some() && error.message().contains("waits for itself"),
            "{error}"
        );
    }
}

#[test]
fn of_several_tasks_one_that_can_end_is_enough_for_any() {
    let pool = ThreadPool::new(2).unwrap();
    let gate = Arc::new(Gate::default());
    let other = Thread::spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    let myself = Arc::new(Later::default());
    let task = pool.spawn({
        let (myself, other) = (Arc::clone(&myself), other.handle());
        move || {
            let both = [myself.get(), &other];
            wait_any(both).done == [&other]
        }
    });
    myself.set(task.handle());
    gate.open();
    assert!(task.result().unwrap());
    other.join().unwrap();
}

#[test]
fn all_of_several_tasks_is_a_deadlock_as_soon_as_one_never_ends() {
    let gate = Arc::new(Gate::default());
    let other = Thread::spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    let handle = other.handle();
    let error = error_of_waiting_for_itself(move |myself| drop(wait_all([&handle, myself])));
    assert!(error.is_deadlock(), "{error}");
    gate.open();
    other.join().unwrap();
}

#[test]
fn a_group_whose_member_waits_for_its_owner_fails_and_is_left() {
    let pool = Arc::new(ThreadPool::new(4).unwrap());
    let owner = Arc::new(Later::default());
    let task = pool.spawn({
        let (pool, owner) = (Arc::clone(&pool), Arc::clone(&owner));
        move || {
            let group = Group::new(&*pool);
            let begun = Arc::new(Gate::default());
            let _member = group.spawn({
                let begun = Arc::clone(&begun);
                move || {
                    begun.open();
                    owner.get().wait();
                }
            });
            begun.pass(); // not begun, it would be run right here
            group.wait()
        }
    });
    owner.set(task.handle());
    let error = task.result().unwrap().unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    assert!(error.message().contains("exit of a group"), "{error}");
}

#[test]
fn a_scope_whose_task_waits_for_its_owner_fails_and_is_left() {
    let pool = Arc::new(ThreadPool::new(4).unwrap());
    let owner = Arc::new(Later::default());
    let task = pool.spawn({
        let (pool, owner) = (Arc::clone(&pool), Arc::clone(&owner));
        move || {
            let borrowed = 1;
            pool.scope(|scope| {
                scope.spawn(|| {
                    owner.get().wait();
                    borrowed
                });
            })
        }
    });
    owner.set(task.handle());
    let error = task.result().unwrap().unwrap_err();
    assert!(error.is_deadlock(), "{error}");
}

#[test]
fn a_map_whose_call_waits_for_its_reader_ends_with_one_error() {
    for unordered in [false, true] {
        let pool = Arc::new(ThreadPool::new(2).unwrap());
        let reader = Arc::new(Later::default());
        let thread = Thread::spawn({
            let (pool, reader) = (Arc::clone(&pool), Arc::clone(&reader));
            move || {
                let call = move |n: u32| {
                    reader.get().wait();
                    n
                };
                let results: Vec<_> = match unordered {
                    false => pool.map(call, [1]).collect(),
                    true => pool.map_unordered(call, [1]).collect(),
                };
                results
            }
        });
        reader.set(thread.handle());
        let results = thread.join().unwrap();
        let [Err(error)] = &results[..] else { panic!("one error, not {results:?}") };
        assert!(error.is_deadlock(), "{error}");
    }
}

#[test]
fn the_end_of_a_pool_whose_job_waits_for_who_ends_it_is_a_deadlock() {
    let ender = Arc::new(Later::default());
    let thread = Thread::spawn({
        let ender = Arc::clone(&ender);
        move || {
            let pool = ThreadPool::builder().workers(1).name_prefix("ending").build().unwrap();
            let job = pool.spawn(move || ender.get().wait_checked().is_err());
            drop(pool);
            job.result()
        }
    });
    ender.set(thread.handle());
    match thread.join() {
        // Either of the two waits was ended.
        Ok(job) => assert!(job.unwrap(), "the job has got the report"),
        Err(error) => {
            assert!(error.is_deadlock(), "{error}");
            assert!(error.message().contains("end of thread pool 'ending'"), "{error}");
        }
    }
}

#[test]
fn a_wait_with_a_limit_is_no_deadlock() {
    let myself = Arc::new(Later::default());
    let thread = Thread::spawn({
        let myself = Arc::clone(&myself);
        move || myself.get().wait_timeout(std::time::Duration::from_millis(20)).is_err()
    });
    myself.set(thread.handle());
    assert!(thread.join().unwrap());
}

#[test]
fn what_is_waited_for_in_a_deadline_is_no_deadlock() {
    let myself = Arc::new(Later::default());
    let thread = Thread::spawn({
        let myself = Arc::clone(&myself);
        move || {
            let limit = std::time::Duration::from_millis(20);
            manyhands_wait::timeout(limit, || myself.get().wait_checked()).is_err()
        }
    });
    myself.set(thread.handle());
    assert!(thread.join().unwrap());
}

#[test]
fn a_task_that_helps_waits_with_all_that_is_below_it_on_the_stack() {
    // The only worker of a pool runs the inner job on top of the outer one; the inner one waits for the
    // outer one's end.
    let pool = Arc::new(ThreadPool::new(1).unwrap());
    let outer = Arc::new(Later::default());
    let task = pool.spawn({
        let (pool, outer) = (Arc::clone(&pool), Arc::clone(&outer));
        move || pool.spawn(move || outer.get().wait_checked().is_err()).result()
    });
    outer.set(task.handle());
    assert!(task.result().unwrap().unwrap());
}
