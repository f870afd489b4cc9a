//! What plain functions do alike on every model, worker processes included: results and their order,
//! waiting for several, callbacks, errors. Nothing here shares memory with its tasks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use manyhands::{
    ExecutorExt, InProcess, MapOptions, RejectedReason, Task, TaskError, TaskErrorKind,
    TaskOptions, as_completed, wait_all, wait_any, wait_first_error,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::models::{on_every_concurrent_model, on_every_model};
use crate::patience::eventually;
use crate::signs::{Signs, give_and_wait, wait_for};

fn square(n: u64) -> u64 {
    n * n
}

fn reciprocal(n: i64) -> i64 {
    100 / n
}

#[test]
fn arguments_reach_the_function_and_results_come_back() {
    on_every_model(|executor| {
        let join = |(a, b): (i32, String)| format!("{b}{a}");
        assert_eq!(executor.submit(join, (1, "x".into())).result().unwrap(), "x1");
        assert_eq!(executor.try_submit(square, 3).unwrap().result().unwrap(), 9);
        let named = executor.with(TaskOptions::new().name("n")).submit(square, 4);
        assert_eq!(named.name(), Some("n"));
        assert_eq!(named.result().unwrap(), 16);
        let expected = executor.submit(|text: String| text.parse::<u32>().ok(), "x".into());
        assert_eq!(expected.result().unwrap(), None);
    });
}

#[test]
fn map_equals_the_plain_map_in_order_or_not() {
    let expected: Vec<u64> = (0..500).map(square).collect();
    on_every_model(|executor| {
        for options in [
            MapOptions::new(),
            MapOptions::new().chunk(1),
            MapOptions::new().chunk(7).window(3),
            MapOptions::new().chunk(10_000),
        ] {
            let mapped = executor.map_with(options.clone(), square, 0..500);
            assert_eq!(mapped.collect::<Result<Vec<_>, _>>().unwrap(), expected);
            let unordered = executor.map_with(options.unordered(), square, 0..500);
            let mut unordered: Vec<_> = unordered.map(Result::unwrap).collect();
            unordered.sort_unstable();
            assert_eq!(unordered, expected);
        }
        // Lazy and bounded: an endless iterator is no trouble.
        let first: Vec<_> = executor.map(square, 0..).take(3).map(Result::unwrap).collect();
        assert_eq!(first, [0, 1, 4]);
    });
}

#[test]
fn an_error_of_a_map_is_in_its_place_and_tells_where() {
    on_every_model(|executor| {
        for options in [MapOptions::new().chunk(1), MapOptions::new().chunk(4)] {
            let inputs = [5, 2, 0, 10, 0, 1];
            let results: Vec<_> = executor.map_with(options, reciprocal, inputs).collect();
            assert_eq!(results.len(), inputs.len());
            for (result, n) in results.iter().zip(inputs) {
                match result {
                    Ok(value) => assert_eq!(*value, 100 / n),
                    Err(error) => assert_divided_by_zero(error, n),
                }
            }
        }
        let each = executor.for_each(|n: i64| assert_ne!(reciprocal(n), 0), [1, 0, 2]);
        assert!(each.unwrap_err().is_panicked());
    });
}

#[track_caller]
fn assert_divided_by_zero(error: &TaskError, n: i64) {
    assert_eq!(n, 0);
    assert!(error.is_panicked(), "{error}");
    assert!(error.message().contains("divide by zero"), "{error}");
    let location = error.location().expect("a panic has a place");
    assert!(location.contains(file!()), "{location}");
}

#[test]
fn tasks_are_taken_in_the_order_of_their_ends() {
    on_every_concurrent_model(|executor| {
        let signs = Signs::new();
        let first = executor.submit(give_and_wait, (signs.sign("begun"), signs.sign("go")));
        let second = executor.submit(|n: u64| assert_eq!(square(n), 1), 1);
        let id = first.id();
        let mut ended = as_completed([first, second]);
        assert_ne!(ended.next().unwrap().id(), id);
        signs.give("go");
        assert_eq!(ended.next().unwrap().id(), id);
        assert!(ended.next().is_none());
    });
}

#[test]
fn waiting_for_one_for_all_and_for_the_first_failure() {
    on_every_concurrent_model(|executor| {
        let signs = Signs::new();
        let tasks: [Task<()>; 2] = [
            executor.submit(give_and_wait, (signs.sign("begun"), signs.sign("go"))),
            executor.submit(|()| panic!("too bad"), ()),
        ];
        let failed = wait_first_error(&tasks);
        assert_eq!((failed.done.len(), failed.not_done.len()), (1, 1));
        assert_eq!(wait_any(&tasks).done.len(), 1);
        signs.give("go");
        assert_eq!(wait_all(&tasks).done.len(), 2);
    });
}

#[test]
fn callbacks_come_once_also_if_they_are_late() {
    on_every_model(|executor| {
        let (calls, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let task = executor.submit(square, 7);
        for _ in 0..2 {
            let (calls, seen) = (Arc::clone(&calls), Arc::clone(&seen));
            task.on_done(move |outcome| {
                seen.lock().unwrap().push(outcome.as_ref().map(|value| *value).ok());
                calls.fetch_add(1, Ordering::Release);
            });
            task.wait();
        }
        let failed: Task<()> = executor.submit(|()| panic!("too bad"), ());
        let inside = Arc::clone(&calls);
        failed.on_error(move |error| {
            assert!(error.is_panicked());
            inside.fetch_add(1, Ordering::Release);
        });
        eventually("the callbacks have run", || calls.load(Ordering::Acquire) == 3);
        assert_eq!(*seen.lock().unwrap(), [Some(49), Some(49)]);
    });
}

/// Can be encoded only once it is finished.
#[derive(Debug, Default)]
struct Draft {
    is_finished: bool,
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.is_finished {
            true => out.serialize_unit(),
            false => Err(serde::ser::Error::custom("it is a draft")),
        }
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Draft, D::Error> {
        <()>::deserialize(from).map(|()| Draft { is_finished: true })
    }
}

#[test]
fn only_what_goes_to_other_memory_is_encoded() {
    on_every_model(|executor| {
        let sent = executor.submit(|draft: Draft| draft.is_finished, Draft::default()).result();
        let returned = executor.submit(|()| Draft::default(), ()).result();
        if executor.model().is_in_process() {
            assert!(!sent.unwrap() && !returned.unwrap().is_finished);
        } else {
            for error in [sent.unwrap_err(), returned.unwrap_err()] {
                assert_eq!(error.kind(), TaskErrorKind::Codec);
                assert!(error.message().contains("Draft"), "{error}");
            }
        }
        // Neither has harmed anything.
        assert!(
            executor
                .submit(|draft: Draft| draft.is_finished, Draft { is_finished: true })
                .result()
                .unwrap()
        );
    });
}

#[test]
fn closures_and_futures_stay_in_this_memory() {
    on_every_model(|executor| {
        let captured = Arc::new(5);
        let inside = Arc::clone(&captured);
        let closure = executor.spawn(move || *inside).result();
        let future = executor.spawn_async(async { 6 }).result();
        let mapped: Vec<_> = executor.map_closure(|n: u64| n + 1, [1, 2]).collect();
        let inside = Arc::clone(&captured);
        let offered = executor.try_spawn(move || *inside);
        if executor.model().is_in_process() {
            assert_eq!((closure.unwrap(), future.unwrap()), (5, 6));
            assert!(mapped.iter().all(Result::is_ok) && offered.is_ok());
            return;
        }
        assert_eq!(offered.unwrap_err().reason(), &RejectedReason::NotPortable);
        for error in mapped.into_iter().chain([closure, future]).map(Result::unwrap_err) {
            assert!(error.is_rejected(), "{error:?}");
            for words in ["do not share this memory", "submit a plain function"] {
                assert!(error.message().contains(words), "{error}");
            }
        }
    });
}

#[test]
fn a_task_that_crashes_costs_itself_where_workers_are_processes() {
    let executor: manyhands::AnyExecutor = "processes:2".parse().unwrap();
    let crash_at_7 = |n: u64| if n == 7 { std::process::abort() } else { square(n) };
    let tasks: Vec<_> = (0..20).map(|n| executor.submit(crash_at_7, n)).collect();
    for (task, n) in tasks.into_iter().zip(0..) {
        match task.result() {
            Ok(value) => assert_eq!(value, square(n)),
            Err(error) => {
                assert_eq!((n, error.kind()), (7, TaskErrorKind::WorkerDied));
                assert_eq!(error.worker_death().unwrap().signal, Some(6), "{error}");
            }
        }
    }
}

#[test]
fn several_run_at_a_time() {
    on_every_concurrent_model(|executor| {
        // Each waits for the other's sign.
        let signs = Signs::new();
        let pair = [("a", "b"), ("b", "a")].map(|(own, other)| {
            executor.submit(give_and_wait, (signs.sign(own), signs.sign(other)))
        });
        assert!(pair.into_iter().all(|task| task.result().is_ok()));
        let seen = executor.submit(|sign: std::path::PathBuf| wait_for(&sign), signs.sign("a"));
        seen.result().unwrap();
    });
}
