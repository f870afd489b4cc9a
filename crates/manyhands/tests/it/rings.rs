//! Executors of different models whose tasks wait for each other in a ring: what is starved goes on, and
//! what is in a deadlock is told.

use std::sync::{Arc, OnceLock};

use manyhands::{AnyExecutor, InProcess, Task, TaskError, TaskHandle};

use crate::models::on_all;
use crate::patience::Gate;

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
