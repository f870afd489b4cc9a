//! Waiting for several tasks: which of them a worker runs itself, and what is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use manyhands_executor::{
    AsTask, InProcess, Task, as_completed, wait_all, wait_all_timeout, wait_any,
};
use manyhands_wait::{CancelToken, with_cancel_token};

use crate::by_hand::ByHand;
use crate::patience::{LONG, eventually};

fn is_waiting_for(reason: &str) -> bool {
    let waits = |seen: &manyhands_wait::ContextDump| {
        seen.wait.as_ref().is_some_and(|wait| wait.reason == reason)
    };
    manyhands_wait::dump().contexts.iter().any(waits)
}

#[test]
fn a_worker_runs_the_task_of_its_own_executor_though_a_foreign_one_comes_first() {
    // The foreign task ends only after the own one has: who looks at the first queued task only
    // waits for ever.
    let (own, foreign) = (ByHand::new(), ByHand::new());
    for wait in [
        (|tasks: [Task<()>; 2]| assert_eq!(wait_all(tasks).done.len(), 2)) as fn([Task<()>; 2]),
        |tasks| assert_eq!(as_completed(tasks).count(), 2),
        |tasks| assert!(!wait_any(tasks).done.is_empty()),
    ] {
        let ran = CancelToken::new();
        let foreign_task = foreign.spawn(|| ());
        let own_task = own.spawn({
            let ran = ran.clone();
            move || ran.cancel()
        });
        let foreign_job = foreign.next();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                manyhands_wait::wait_timeout(ran.cancelled(), LONG).unwrap();
                foreign_job.run();
            });
            own.work(|| wait([foreign_task, own_task]));
        });
        assert!(own.next().is_over());
    }
}

#[test]
fn a_worker_runs_only_tasks_that_it_waits_for() {
    let executor = ByHand::new();
    let unrelated = executor.spawn(|| panic!("nobody waits for this one"));
    let runs = Arc::new(AtomicUsize::new(0));
    let mine: Vec<_> = (0..5)
        .map(|_| {
            let runs = Arc::clone(&runs);
            executor.spawn(move || runs.fetch_add(1, Ordering::Relaxed))
        })
        .collect();
    executor.work(|| assert_eq!(wait_all(&mine).done.len(), 5));
    assert_eq!(runs.load(Ordering::Relaxed), 5);
    assert!(!unrelated.is_done());
    unrelated.cancel();
}

#[test]
fn with_a_limit_a_worker_runs_nothing_itself() {
    let executor = ByHand::new();
    let task = executor.spawn(|| ());
    executor.work(|| {
        let limit = std::time::Duration::from_millis(1);
        let waited = wait_all_timeout([task.handle()], limit);
        assert_eq!(waited.not_done, [task.handle()]);
    });
    assert!(!executor.next().is_over());
}

#[test]
fn a_wait_that_is_unwound_leaves_nothing_with_the_tasks() {
    // Otherwise a long-lived task would collect the queues of everybody who ever gave up on it.
    let executor = ByHand::new();
    let task = Counted::new(&executor);
    for wait in [
        (|task: &Counted| drop(wait_all([task]))) as fn(&Counted),
        |task| assert!(as_completed([task]).next().is_none()),
        |task| task.task.wait(),
    ] {
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| with_cancel_token(&token, || wait(&task)));
            eventually("it waits", || {
                ["all of several tasks", "next task to end", "result of a task"]
                    .into_iter()
                    .any(is_waiting_for)
            });
            token.cancel();
            assert!(waiter.join().unwrap().is_err());
        });
    }
    // What was registered and given back is gone: ending the task wakes nobody.
    executor.next().run();
    assert!(task.task.is_done());
}

struct Counted {
    task: Task<()>,
}

impl Counted {
    fn new(executor: &ByHand) -> Counted {
        Counted { task: executor.spawn(|| ()) }
    }
}

impl AsTask for Counted {
    fn as_task(&self) -> manyhands_executor::TaskHandle {
        self.task.handle()
    }
}

#[test]
fn iterating_over_many_ended_tasks_is_linear() {
    // A hundred thousand tasks, one ends at a time and is fetched at once, by a worker: looking for
    // a task to run itself must not start from the beginning each time. Quadratic this takes
    // minutes.
    const TASKS: usize = 100_000;
    let executor = ByHand::new();
    let tasks: Vec<_> = (0..TASKS).map(|n| executor.spawn(move || n)).collect();
    let started = std::time::Instant::now();
    let sum: usize =
        executor.work(|| as_completed(tasks).map(|task| task.result().unwrap()).sum::<usize>());
    assert_eq!(sum, TASKS * (TASKS - 1) / 2);
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
}

#[test]
fn async_code_gets_tasks_as_they_end_and_loses_none() {
    let executor = ByHand::new();
    let tasks: Vec<_> = (0..3).map(|n| executor.spawn(move || n)).collect();
    let jobs: Vec<_> = (0..3).map(|_| executor.next()).collect();
    let mut ended = as_completed(tasks);
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut next = std::pin::pin!(ended.next_async());
        assert!(next.as_mut().poll(&mut cx).is_pending());
        // Dropped here, having waited in vain.
    }
    assert_eq!(ended.remaining(), 3);
    let mut order = Vec::new();
    for job in jobs.into_iter().rev() {
        job.run();
        let task = manyhands_wait::wait(ended.next_async()).unwrap();
        order.push(task.result().unwrap());
    }
    assert_eq!(order, [2, 1, 0]);
    assert!(manyhands_wait::wait(ended.next_async()).is_none());
}

#[test]
fn handles_tasks_and_references_mix() {
    let executor = ByHand::new();
    let (number, text) = (executor.spawn(|| 1), executor.spawn(|| "one"));
    executor.next().run();
    executor.next().run();
    let handles = [number.handle(), text.handle(), number.handle()];
    assert_eq!(wait_all(handles).done.len(), 2);
    assert_eq!(wait_all([&number, &number]).done.len(), 1);
    assert_eq!(wait_all(std::iter::empty::<Task<u8>>()).done.len(), 0);
    assert_eq!((number.result().unwrap(), text.result().unwrap()), (1, "one"));
}
