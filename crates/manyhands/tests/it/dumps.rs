//! The dump of a process at work: who waits, for what, since when, where.

use std::sync::Arc;

use manyhands::{AnyExecutor, ExecutorExt, TaskOptions, as_completed, sleep, wait_all};

use crate::models::{Busy, on_queued};
use crate::patience::{Gate, LONG, eventually};

/// The line of the dump about the task with this name, once there is one.
fn line_about(name: &str) -> String {
    let line = || {
        let text = manyhands::dump().to_string();
        text.lines().find(|line| line.contains(name)).map(str::to_owned)
    };
    eventually("the task waits", || line().is_some());
    line().unwrap()
}

#[test]
fn a_waiting_task_is_listed_with_reason_other_task_and_place() {
    on_queued(|executor| {
        let other: AnyExecutor = "threads:1".parse().unwrap();
        let busy = Arc::new(Busy::on(&other));
        let awaited = busy.task.id();
        let inside = Arc::clone(&busy);
        let named = |name: &str| executor.with(TaskOptions::new().name(name));

        let task = named("hungry").spawn(move || inside.task.wait());
        let place = format!(", at {}:{}:", file!(), line!() - 1);
        let line = line_about("'hungry'");
        for part in [
            format!("in task {} 'hungry' waits ", task.id()),
            format!(" s for result of task {awaited}"),
            place,
        ] {
            assert!(line.contains(&part), "{line:?} lacks {part:?}");
        }
        task.cancel();
        task.wait();

        let inside = Arc::clone(&busy);
        let task = named("thirsty").spawn(move || as_completed([&inside.task]).for_each(drop));
        let line = line_about("'thirsty'");
        assert!(line.contains("for next task to end"), "{line}");
        task.cancel();
        task.wait();

        let inside = Arc::clone(&busy);
        let task = named("patient").spawn(move || drop(wait_all([&inside.task])));
        let line = line_about("'patient'");
        assert!(line.contains("for all of several tasks"), "{line}");
        assert!(line.contains(&format!(", at {}:", file!())), "{line}");
        task.cancel();
        task.wait();

        let options = TaskOptions::new().name("tired").time_limit(LONG);
        let task = executor.with(options).spawn(|| sleep(LONG * 2));
        let line = line_about("'tired'");
        assert!(line.contains("for sleep") && line.contains(" s left"), "{line}");
        task.cancel();
        task.wait();
        busy.end();
    });
}

#[test]
fn a_caller_that_waits_for_a_task_is_listed() {
    on_queued(|executor| {
        let busy = Busy::on(executor);
        let id = busy.task.id();
        std::thread::scope(|scope| {
            let waiter = std::thread::Builder::new().name("customer".to_owned());
            let waiter = waiter.spawn_scoped(scope, || busy.task.wait()).unwrap();
            let line = line_about("'customer' waits");
            assert!(line.contains(&format!("for result of task {id}")), "{line}");
            busy.let_go();
            waiter.join().unwrap();
        });
    });
}

#[test]
fn the_workers_of_a_pool_are_listed_by_name() {
    let pool = manyhands::ThreadPool::builder().workers(1).name_prefix("baker").build().unwrap();
    pool.spawn(|| ()).result().unwrap();
    // It runs, or has nothing to do.
    assert!(manyhands::dump().to_string().contains("thread 'baker_0' "));
    let task = pool.with(TaskOptions::new().name("dough")).spawn_async(async {
        std::future::pending::<()>().await;
    });
    let line = line_about("'dough'");
    assert!(line.contains("'baker_0'") && line.contains("for future of a task"), "{line}");
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    let gate = Arc::new(Gate::default());
    let inside = Arc::clone(&gate);
    drop(pool.spawn(move || inside.pass()));
    let waiter = std::thread::spawn(move || drop(pool));
    eventually("the end of the pool is waited for", || {
        manyhands::dump().to_string().contains("for end of thread pool 'baker'")
    });
    gate.open();
    waiter.join().unwrap();
}
