//! Runtimes of the caller's: where they are waited for, and what happens when they are shut down.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_async::AsyncPool;
use manyhands_executor::{Executor, InProcess, Shutdown, Task, wait_all};
use tokio::runtime::{Builder, Runtime};

use crate::patience::{Gate, LONG, eventually};

fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

#[test]
fn a_pool_runs_on_the_runtime_it_was_given() {
    let runtime = Builder::new_multi_thread().thread_name("own runtime").build().unwrap();
    let pool = AsyncPool::on(runtime.handle().clone(), 2).unwrap();
    let name = || std::thread::current().name().map(str::to_owned);
    assert_eq!(pool.spawn(name).result().unwrap().as_deref(), Some("own runtime"));
    let task = pool.spawn_async(async move { name() });
    assert_eq!(task.result().unwrap().as_deref(), Some("own runtime"));
}

#[test]
fn in_a_current_thread_runtime_tasks_are_awaited() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let pool = AsyncPool::on(runtime.handle().clone(), 2).unwrap();
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..10)
            .map(|n: u32| match n % 2 {
                0 => pool.spawn_async(async move { n }),
                _ => pool.spawn(move || n),
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        drop(pool); // on a thread of the runtime: it does not block
        sum
    });
    assert_eq!(sum, 45);
}

#[test]
fn a_pool_that_is_dropped_in_async_code_goes_on_in_the_background() {
    let runtime = runtime(1);
    let (gate, done) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    runtime.block_on(async {
        let pool = AsyncPool::on(runtime.handle().clone(), 1).unwrap();
        for last in [false, true] {
            let (gate, done) = (Arc::clone(&gate), Arc::clone(&done));
            drop(pool.spawn(move || {
                gate.pass();
                if last {
                    done.open();
                }
            }));
        }
    });
    gate.open();
    done.pass();
}

#[test]
fn what_a_runtime_had_when_it_was_shut_down_is_lost() {
    let runtime = runtime(1);
    let pool = AsyncPool::on(runtime.handle().clone(), 2).unwrap();
    let tasks: Vec<Task<()>> = (0..20).map(|_| pool.spawn_async(pending())).collect();
    eventually("two run", || tasks.iter().filter(|task| task.is_running()).count() == 2);
    runtime.shutdown_background();
    for mut task in tasks {
        let outcome = task.result_timeout(LONG).expect("nobody is told");
        assert!(outcome.unwrap_err().is_lost());
    }
    // It takes more, and loses that too.
    assert!(pool.spawn_async(async {}).result().unwrap_err().is_lost());
    assert!(pool.spawn(|| ()).result().unwrap_err().is_lost());
    pool.shutdown(Shutdown::WAIT);
    assert_eq!(pool.statistics().in_flight, 0);
}

#[test]
fn a_long_queue_does_not_exhaust_the_stack_when_the_runtime_is_shut_down() {
    const TASKS: usize = 100_000;
    let runtime = runtime(1);
    let pool = AsyncPool::on(runtime.handle().clone(), 1).unwrap();
    let lost = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<Task<()>> = (0..TASKS).map(|_| pool.spawn_async(pending())).collect();
    for task in &tasks {
        let lost = Arc::clone(&lost);
        task.on_done(move |outcome| {
            assert!(outcome.as_ref().unwrap_err().is_lost());
            lost.fetch_add(1, Ordering::Relaxed);
        });
    }
    runtime.shutdown_background();
    assert_eq!(wait_all(&tasks).done.len(), TASKS);
    assert_eq!(lost.load(Ordering::Relaxed), TASKS);
}

#[test]
fn a_callback_of_a_lost_task_may_use_another_pool() {
    let runtime = runtime(1);
    let pool = AsyncPool::on(runtime.handle().clone(), 1).unwrap();
    let other = Arc::new(AsyncPool::on(runtime.handle().clone(), 1).unwrap());
    let tasks: Vec<Task<()>> = (0..5).map(|_| pool.spawn_async(pending())).collect();
    let lost = Arc::new(AtomicUsize::new(0));
    for task in &tasks {
        let (other, lost) = (Arc::clone(&other), Arc::clone(&lost));
        task.on_done(move |_| {
            // That runtime takes no futures any more before it drops the first that it has. Its threads
            // for closures are shut down after that: a closure is lost, or has just run.
            assert!(other.spawn_async(async {}).result().unwrap_err().is_lost());
            assert!(other.spawn(|| ()).result().err().is_none_or(|error| error.is_lost()));
            lost.fetch_add(1, Ordering::Relaxed);
        });
    }
    runtime.shutdown_background();
    assert_eq!(wait_all(&tasks).done.len(), 5);
    assert_eq!(lost.load(Ordering::Relaxed), 5);
    other.shutdown(Shutdown::WAIT);
}
