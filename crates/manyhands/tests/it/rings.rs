//! Executors of different models whose tasks wait for each other in a ring: what is starved goes on, and
//! what is in a deadlock is told.

use std::sync::{Arc, OnceLock};

use manyhands::{AnyExecutor, Executor, InProcess, Shutdown, Task, TaskError, TaskHandle};

use crate::models::on_all;
use crate::patience::{Gate, eventually};

fn ring() -> Arc<[AnyExecutor; 3]> {
    Arc::new(["threads:1", "coroutines:1", "async:1"].map(|name| name.parse().unwrap()))
}

/// On one after the other, each task waits for the next one.
fn round(ring: &Arc<[AnyExecutor; 3]>, at: usize, left: usize) -> Result<usize, TaskError> {
    if left == 0 {
        return Ok(at);
    }
    let inner = Arc::clone(ring);
    ring[at % 3].spawn(move || round(&inner, at + 1, left - 1)).result()?
}

#[test]
fn tasks_that_wait_round_three_models_go_on() {
    assert_eq!(round(&ring(), 0, 40).unwrap(), 40);
}

/// A task that waits for another one, whose handle comes later.
fn waiting_for(
    executor: &AnyExecutor,
    other: &Arc<OnceLock<TaskHandle>>,
    begun: &Arc<Gate>,
) -> Task<Option<String>> {
    let (other, begun) = (Arc::clone(other), Arc::clone(begun));
    executor.spawn(move || {
        begun.pass();
        other.get().unwrap().wait_checked().err().map(|deadlock| deadlock.to_string())
    })
}

#[test]
fn tasks_of_all_pairs_of_models_that_wait_for_each_other_have_one_victim() {
    for names in
        [["threads:2", "coroutines:1"], ["coroutines:1", "async:2"], ["async:2", "threads:2"]]
    {
        let [first, second]: [AnyExecutor; 2] = names.map(|name| name.parse().unwrap());
        let handles = [Arc::new(OnceLock::new()), Arc::new(OnceLock::new())];
        let begun = Arc::new(Gate::default());
        let tasks =
            [waiting_for(&first, &handles[1], &begun), waiting_for(&second, &handles[0], &begun)];
        for (handle, task) in handles.iter().zip(&tasks) {
            handle.set(task.handle()).unwrap();
        }
        begun.open();
        let reports: Vec<String> =
            tasks.into_iter().filter_map(|task| task.result().unwrap()).collect();
        assert_eq!(reports.len(), 1, "{names:?}: {reports:?}");
        assert!(reports[0].contains("result of task"), "{names:?}: {}", reports[0]);
    }
}

#[test]
fn a_task_of_any_executor_that_waits_for_itself_is_told() {
    on_all(|executor| {
        if executor.model().to_string() == "sequential" {
            return; // it has ended before anybody could know it
        }
        let (myself, begun) = (Arc::new(OnceLock::new()), Arc::new(Gate::default()));
        let task = waiting_for(executor, &myself, &begun);
        myself.set(task.handle()).unwrap();
        begun.open();
        let report = task.result().unwrap().expect("it can never end");
        assert!(report.contains("waits for itself"), "{report}");
    });
}

/// Ends an executor while one of its tasks waits for whoever does so; what came of both.
fn end_while_its_task_waits_for_it(
    executor: Arc<AnyExecutor>,
    end: impl FnOnce(Arc<AnyExecutor>) + Send + 'static,
) -> [Option<String>; 2] {
    let main: AnyExecutor = "threads:1".parse().unwrap();
    let (ender, begun) = (Arc::new(OnceLock::new()), Arc::new(Gate::default()));
    let waits = waiting_for(&executor, &ender, &begun);
    let task = main.spawn(move || end(executor));
    ender.set(task.handle()).unwrap();
    begun.open();
    let of_ender = task.result().err().and_then(|error| error.deadlock().cloned());
    let of_ender = of_ender.map(|deadlock| deadlock.to_string());
    [of_ender, waits.result().unwrap()]
}

#[test]
fn an_executor_that_is_ended_by_whom_its_task_waits_for() {
    for (name, end) in [
        ("threads:1", "end of thread pool '"),
        ("coroutines:1", "end of coroutine pool '"),
        ("async:1", "end of an async pool (in flight: 1, queued: 0) at "),
    ] {
        for drops in [false, true] {
            let executor: Arc<AnyExecutor> = Arc::new(name.parse().unwrap());
            let kept = (!drops).then(|| Arc::clone(&executor));
            let ends = end_while_its_task_waits_for_it(executor, move |executor| {
                if drops { drop(executor) } else { executor.shutdown(Shutdown::WAIT) }
            });
            drop(kept);
            let ([Some(report), None] | [None, Some(report)]) = ends else {
                panic!("{name}: one of the two is told, and then the other goes on: {ends:?}")
            };
            assert!(report.starts_with("deadlock: 2 contexts wait for each other\n"), "{report}");
            assert!(report.contains(&format!(" waits for {end}")), "{report}");
            assert!(report.contains(" waits for result of task "), "{report}");
        }
    }
}

#[test]
fn an_executor_that_is_dropped_while_its_task_waits_for_whom_that_unwinds() {
    for name in ["threads:1", "coroutines:1", "async:1"] {
        let executor: Arc<AnyExecutor> = Arc::new(name.parse().unwrap());
        let [of_ender, of_task] = end_while_its_task_waits_for_it(executor, |executor| {
            let _dropped = executor;
            panic!("as a test asked for");
        });
        assert_eq!(of_ender, None, "{name}: it has panicked already");
        let report = of_task.unwrap_or_else(|| panic!("{name}: the task is told instead"));
        assert!(report.contains(" waits for end of "), "{report}");
    }
}

#[test]
fn an_executor_whose_task_somebody_may_end_is_waited_for() {
    for name in ["threads:1", "coroutines:1", "async:1"] {
        let executor: AnyExecutor = name.parse().unwrap();
        let (other, job) = manyhands::Job::of(manyhands::TaskOptions::new(), || 7);
        let (other, waits) = (other.handle(), Arc::new(Gate::default()));
        let task = executor.spawn({
            let waits = Arc::clone(&waits);
            move || {
                waits.open();
                other.wait_checked().is_ok()
            }
        });
        let ender = std::thread::spawn(move || executor.shutdown(Shutdown::WAIT));
        waits.pass();
        eventually("the end is waited for", || {
            let all = manyhands::dump().to_string();
            all.contains(" for end of ") && all.contains(" for result of task ")
        });
        job.run(); // of which nobody knew who has it
        ender.join().unwrap_or_else(|_| panic!("{name}: no deadlock"));
        assert!(task.result().unwrap());
    }
}

#[test]
fn a_coroutine_that_begins_to_wait_after_it_was_counted_is_found() {
    let pool: Arc<AnyExecutor> = Arc::new("coroutines:2".parse().unwrap());
    let main: AnyExecutor = "threads:1".parse().unwrap();
    let (ender, begun) = (Arc::new(OnceLock::new()), Arc::new(Gate::default()));
    // Spins without anybody's knowledge until the end is waited for, then begins others, which wait.
    let late = pool.spawn({
        let ender = Arc::clone(&ender);
        move || {
            while !manyhands::dump().to_string().contains(" for end of coroutine pool ") {
                manyhands::sleep(std::time::Duration::from_millis(1));
            }
            let waits = manyhands::spawn_local(move || {
                let ender: &TaskHandle = ender.get().unwrap();
                ender.wait_checked().err().map(|deadlock| deadlock.to_string())
            });
            // Any one of the three may be told.
            waits.result().unwrap_or_else(|error| Some(error.deadlock().unwrap().to_string()))
        }
    });
    let task = main.spawn({
        let (begun, pool) = (Arc::clone(&begun), Arc::clone(&pool));
        move || {
            begun.pass();
            pool.shutdown(Shutdown::WAIT);
        }
    });
    ender.set(task.handle()).unwrap();
    begun.open();
    let of_ender = task.result().err().map(|error| error.deadlock().expect("one").to_string());
    let of_late = late.result().unwrap();
    // If the waiting spawner is told first, the two others are a deadlock still.
    let told: Vec<String> = of_ender.into_iter().chain(of_late).collect();
    assert!(
        told.iter().any(|report| report.contains("waits for end of coroutine pool")),
        "{told:?}"
    );
}
