//! Async tasks that wait for each other, or for threads that wait for them, in a circle; and pools
//! whose tasks in flight all wait for queued ones.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use manyhands_async::{AsyncPool, spawn_async};
use manyhands_executor::{Job, Outcome, Task, TaskHandle, TaskOptions, as_completed};
use tokio::sync::oneshot;

/// Where a task is put that another one is to await.
type Place = Arc<Mutex<Option<Task<()>>>>;

/// Looks until the task is there. Not through a channel: that may let go of its waker a moment after it
/// has woken, and as long as somebody else has a waker of a task, nothing is proven.
async fn taken_from(place: Place) -> Task<()> {
    loop {
        if let Some(task) = place.lock().unwrap().take() {
            return task;
        }
        tokio::task::yield_now().await;
    }
}

/// Two tasks, each of which awaits the other one; whether each of them was told of a deadlock.
fn two_in_a_circle() -> Vec<bool> {
    let (tell, told) = std::sync::mpsc::channel();
    let places = [Place::default(), Place::default()];
    let tasks = places.clone().map(|place| {
        let tell = tell.clone();
        spawn_async(async move {
            let outcome = taken_from(place).await.await;
            tell.send(outcome.is_err_and(|error| error.is_deadlock())).unwrap();
        })
    });
    let [first, second] = tasks;
    *places[0].lock().unwrap() = Some(second);
    *places[1].lock().unwrap() = Some(first);
    (0..2).map(|_| told.recv_timeout(Duration::from_secs(60)).unwrap()).collect()
}

#[test]
fn of_two_tasks_that_await_each_other_one_learns_it_and_the_other_goes_on() {
    for _ in 0..100 {
        let deadlocks = two_in_a_circle();
        assert_eq!(deadlocks.iter().filter(|deadlock| **deadlock).count(), 1, "{deadlocks:?}");
    }
}

#[test]
fn a_thread_and_an_async_task_that_wait_for_each_other() {
    let (give, get) = oneshot::channel::<Task<bool>>();
    let task = spawn_async(async move {
        let of_thread: Outcome<bool> = get.await.unwrap().await;
        of_thread.is_err_and(|error| error.is_deadlock())
    });
    let (of_thread, job) =
        Job::of(TaskOptions::new(), move || task.result().is_err_and(|error| error.is_deadlock()));
    let (told, tell) = std::sync::mpsc::channel();
    of_thread.on_done(move |outcome| told.send(matches!(outcome, Ok(true))).unwrap());
    give.send(of_thread).unwrap();
    std::thread::spawn(move || job.run()).join().unwrap();
    // If the async task was the one that got the error, the thread got its value.
    let thread_got_it = tell.recv_timeout(Duration::from_secs(60)).unwrap();
    let _either_of_them = thread_got_it;
}

#[test]
fn a_wait_beside_a_timer_is_no_deadlock() {
    let (give, get) = oneshot::channel::<Task<bool>>();
    let (told, tell) = oneshot::channel();
    let task = spawn_async(async move {
        let myself = get.await.unwrap();
        let timed_out = tokio::time::timeout(Duration::from_millis(20), myself).await.is_err();
        told.send(timed_out).unwrap();
        timed_out
    });
    give.send(task).unwrap();
    assert!(tell.blocking_recv().unwrap(), "it ended by its timer");
}

#[test]
fn a_task_that_awaits_itself_learns_it() {
    let (give, get) = oneshot::channel::<Task<u32>>();
    let (told, tell) = oneshot::channel();
    let task = spawn_async(async move {
        let outcome = get.await.unwrap().await;
        told.send(outcome.unwrap_err()).unwrap();
        1
    });
    give.send(task).unwrap();
    let error = tell.blocking_recv().unwrap();
    assert!(error.is_deadlock(), "{error}");
    assert!(
        error.message().contains("async task") && error.message().contains("deadlocks.rs"),
        "{error}"
    );
}

/// A future in the pool that awaits another one in it, which has no place.
fn nested(pool: &Arc<AsyncPool>) -> Task<Outcome<u32>> {
    let inner = Arc::clone(pool);
    pool.spawn_async(async move { inner.spawn_async(async { 42 }).await })
}

#[test]
fn a_future_that_awaits_another_one_of_its_full_pool_goes_on() {
    let pool = Arc::new(AsyncPool::new(1).unwrap());
    for _ in 0..20 {
        assert_eq!(nested(&pool).result().unwrap().unwrap(), 42);
    }
    assert!(pool.statistics().in_flight_peak <= 2);
}

#[test]
fn in_a_strict_pool_it_gets_the_deadlock() {
    let pool = Arc::new(AsyncPool::new(1).unwrap().relief(0));
    let error = nested(&pool).result().unwrap().unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    assert_eq!(pool.statistics().in_flight_peak, 1);
}

#[test]
fn many_nested_futures_in_a_small_pool_all_end() {
    let pool = Arc::new(AsyncPool::new(3).unwrap());
    let tasks: Vec<_> = (0..200).map(|_| nested(&pool)).collect();
    for task in tasks {
        assert_eq!(task.result().unwrap().unwrap(), 42);
    }
    drop(pool);
}

/// Runs `root` on a current-thread runtime of its own, with a pool on that.
fn on_one_thread<F: Future>(limit: usize, root: impl FnOnce(Arc<AsyncPool>) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pool = Arc::new(AsyncPool::on(runtime.handle().clone(), limit).unwrap());
    runtime.block_on(root(pool))
}

#[test]
fn a_task_that_blocks_the_only_thread_for_another_one_there_learns_it() {
    on_one_thread(10, |pool| async move {
        let inner = Arc::clone(&pool);
        // Not begun when it is waited for.
        let task = pool.spawn_async(async move { inner.spawn_async(async { 1 }).result() });
        let error = task.await.unwrap().unwrap_err();
        assert!(error.is_deadlock(), "{error}");
        assert!(error.message().contains("async runtime 'current-thread"), "{error}");

        // Begun, and in the middle of something that the graph does not know.
        let (begun, began) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let patient = pool.spawn_async(async move {
            begun.send(()).unwrap();
            released.await.unwrap();
            2
        });
        began.await.unwrap();
        let blocking = pool.spawn_async(async move { patient.result() });
        let error = blocking.await.unwrap().unwrap_err();
        assert!(error.is_deadlock(), "{error}");
        drop(release);
    });
}

#[test]
fn one_more_place_is_no_help_where_the_only_thread_is_blocked() {
    on_one_thread(1, |pool| async move {
        let inner = Arc::clone(&pool);
        let task = pool.spawn_async(async move { inner.spawn_async(async { 1 }).result() });
        let error = task.await.unwrap().unwrap_err();
        assert!(error.is_deadlock(), "{error}");
        // A closure runs on a thread of its own: that is one.
        let inner = Arc::clone(&pool);
        let task = pool.spawn_async(async move { inner.spawn(|| 2).result() });
        assert_eq!(task.await.unwrap().unwrap(), 2);
    });
}

#[test]
fn what_the_only_thread_awaits_is_no_deadlock() {
    on_one_thread(10, |pool| async move {
        let inner = Arc::clone(&pool);
        let task = pool.spawn_async(async move { inner.spawn_async(async { 1 }).await });
        assert_eq!(task.await.unwrap().unwrap(), 1);
        // It blocks, but for a closure, which has a thread of its own.
        let inner = Arc::clone(&pool);
        let task = pool.spawn_async(async move { inner.spawn(|| 2).result() });
        assert_eq!(task.await.unwrap().unwrap(), 2);
    });
}

/// Has an async task go through the tasks in `place` as they end, and tells what came of that; and the
/// task.
fn reader_of(place: &Arc<Mutex<Option<Vec<TaskHandle>>>>) -> Task<usize> {
    let place = Arc::clone(place);
    spawn_async(async move {
        let tasks = loop {
            if let Some(tasks) = place.lock().unwrap().take() {
                break tasks;
            }
            tokio::task::yield_now().await;
        };
        let mut ended = as_completed(tasks);
        let mut count = 0;
        while let Some(_task) = ended.next_async().await {
            count += 1;
        }
        count
    })
}

#[test]
fn a_task_that_reads_its_own_end_among_others_learns_it() {
    for _ in 0..20 {
        let place = Arc::default();
        let reader = reader_of(&place);
        let other = spawn_async(async { 1 });
        *place.lock().unwrap() = Some(vec![reader.handle(), other.handle()]);
        let error = reader.result().unwrap_err();
        assert!(error.is_deadlock(), "{error}");
        let report = error.deadlock().unwrap().to_string();
        assert!(report.contains(" waits for itself\n  async task '"), "{report}");
        assert!(report.contains("waits for next task to end: task "), "{report}");
        assert!(report.contains("deadlocks.rs"), "where it waits: {report}");
    }
}

#[test]
fn of_two_tasks_that_read_each_others_end_one_learns_it() {
    for _ in 0..50 {
        let places: [Arc<Mutex<Option<Vec<TaskHandle>>>>; 2] = Default::default();
        let readers = places.each_ref().map(reader_of);
        for (place, other) in places.iter().zip(readers.iter().rev()) {
            *place.lock().unwrap() = Some(vec![other.handle()]);
        }
        let outcomes = readers.map(Task::result);
        let deadlocks = outcomes.iter().filter(|outcome| {
            outcome.as_ref().is_err_and(manyhands_executor::TaskError::is_deadlock)
        });
        assert_eq!(deadlocks.count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().any(|outcome| outcome.as_ref().is_ok_and(|count| *count == 1)));
    }
}

#[test]
fn a_reader_one_of_whose_tasks_somebody_may_end_is_no_deadlock() {
    let place = Arc::default();
    let reader = reader_of(&place);
    let (other, job) = Job::of(TaskOptions::new(), || 1);
    let (_ends, waits) = (other.handle(), reader.handle());
    *place.lock().unwrap() = Some(vec![reader.handle(), other.handle()]);
    let shown = || manyhands_wait::dump().to_string().contains("next task to end: task");
    while !shown() {
        std::thread::yield_now();
    }
    assert!(!waits.is_done(), "nobody knows who has the job");
    job.run();
    // Of the two that it reads one has ended; now nobody else can end it.
    assert!(reader.result().unwrap_err().is_deadlock());
}

#[test]
fn a_wait_for_the_next_end_that_is_given_up_leaves_nothing() {
    let (task, job) = Job::of(TaskOptions::new(), || 1);
    let (give, get) = std::sync::mpsc::channel();
    let reader = spawn_async(async move {
        let mut ended = as_completed([task]);
        let soon = Duration::from_millis(5);
        assert!(tokio::time::timeout(soon, ended.next_async()).await.is_err());
        give.send(()).unwrap();
        ended.next_async().await.is_some() && ended.next_async().await.is_none()
    });
    get.recv().unwrap();
    job.run();
    assert!(reader.result().unwrap());
}
