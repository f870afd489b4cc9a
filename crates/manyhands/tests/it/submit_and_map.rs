//! Submitting and mapping, after CPython's `test_concurrent_futures/executor.py` and
//! `test_process_pool.py` (chunks).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use manyhands::{ExecutorExt, InProcess, MapOptions, TaskOptions, wait_all};

use crate::models::{on_all, on_concurrent, on_queued, on_single};
use crate::patience::{Gate, LONG, eventually};

fn square(n: u64) -> u64 {
    n * n
}

fn reciprocal(n: i64) -> i64 {
    100 / n
}

#[test]
fn item_16_arguments_reach_the_function() {
    on_all(|executor| {
        assert_eq!(
            executor
                .submit(|(a, b): (i32, String)| format!("{b}{a}"), (1, "x".into()))
                .result()
                .unwrap(),
            "x1"
        );
        assert_eq!(executor.try_submit(square, 3).unwrap().result().unwrap(), 9);
        assert_eq!(
            executor.with(TaskOptions::new().name("n")).submit(square, 4).result().unwrap(),
            16
        );
        let base = 3;
        assert_eq!(executor.spawn(move || base + 1).result().unwrap(), 4);
        assert_eq!(executor.try_spawn(move || base + 2).unwrap().result().unwrap(), 5);
    });
}

#[test]
fn item_17_map_equals_the_plain_map() {
    let expected: Vec<u64> = (0..500).map(square).collect();
    on_all(|executor| {
        for options in [
            MapOptions::new(),
            MapOptions::new().chunk(1),
            MapOptions::new().chunk(7),
            MapOptions::new().chunk(10_000),
            MapOptions::new().chunk(7).window(3),
        ] {
            let mapped: Vec<_> =
                executor.map_with(options.clone(), square, 0..500).map(Result::unwrap).collect();
            assert_eq!(mapped, expected);
            let closures = executor.map_closure_with(options.clone(), square, 0..500);
            assert_eq!(closures.collect::<Result<Vec<_>, _>>().unwrap(), expected);
            let mut unordered: Vec<_> = executor
                .map_with(options.unordered(), square, 0..500)
                .map(Result::unwrap)
                .collect();
            unordered.sort_unstable();
            assert_eq!(unordered, expected);
        }
    });
}

#[test]
fn items_18_and_19_an_error_is_in_its_place_and_the_iteration_goes_on() {
    on_all(|executor| {
        for options in [MapOptions::new(), MapOptions::new().chunk(4)] {
            let inputs = [5, 2, 0, 10, 0, 1];
            let results: Vec<_> = executor.map_with(options, reciprocal, inputs).collect();
            assert_eq!(results.len(), inputs.len());
            for (result, n) in results.iter().zip(inputs) {
                match result {
                    Ok(value) => assert_eq!(*value, 100 / n),
                    Err(error) => {
                        assert_eq!(n, 0);
                        assert!(error.is_panicked());
                        assert!(error.message().contains("divide by zero"), "{error}");
                    }
                }
            }
        }
    });
}

#[test]
fn for_each_calls_all_and_tells_the_first_error() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn picky(n: u32) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        assert!(n % 4 != 3, "not {n}");
    }
    on_all(|executor| {
        CALLS.store(0, Ordering::Relaxed);
        let error = executor.for_each(picky, 0..10).unwrap_err();
        assert_eq!(error.message(), "not 3");
        assert_eq!(CALLS.load(Ordering::Relaxed), 10);
        executor.for_each(picky, 0..3).unwrap();
    });
}

#[test]
fn item_20_a_timeout_of_the_function_is_not_that_of_the_map() {
    // The function's own failure, even one about time, is its own, and the map goes on.
    fn timed(n: u8) -> Result<u8, String> {
        manyhands::timeout(Duration::from_millis(1), || {
            if n == 1 {
                manyhands::sleep(LONG);
            }
            n
        })
        .map_err(|error| error.to_string())
    }
    on_all(|executor| {
        let options = MapOptions::new().timeout(LONG);
        let results: Vec<_> = executor.map_with(options, timed, 0..3).map(Result::unwrap).collect();
        assert_eq!(results, [Ok(0), Err("the wait timed out".to_owned()), Ok(2)]);
    });
}

#[test]
fn item_21_a_timeout_of_the_map_comes_after_the_earlier_results() {
    on_queued(|executor| {
        let gate = Arc::new(Gate::default());
        let inside = Arc::clone(&gate);
        let f = move |n: u32| {
            if n == 2 {
                inside.pass();
            }
            n
        };
        let options = MapOptions::new().chunk(1).timeout(Duration::from_millis(150));
        let mut results = executor.map_closure_with(options, f, 0..4);
        let mut earlier = 0;
        let error = loop {
            match results.next().expect("the error comes before the end") {
                Ok(n) => {
                    assert_eq!(n, earlier);
                    earlier += 1;
                }
                Err(error) => break error,
            }
        };
        // On a loaded machine even the first ones may come too late; never is it the third.
        assert!(earlier <= 2);
        assert!(error.is_timed_out());
        assert!(error.message().contains("the map timed out"), "{error}");
        assert!(results.next().is_none());
        assert!(results.next().is_none());
        gate.open();
    });
}

#[test]
fn a_timeout_yields_what_is_there() {
    on_queued(|executor| {
        let options = MapOptions::new().chunk(1).window(3).timeout(Duration::from_millis(20));
        let mut results = executor.map_with(options, square, 1..4);
        assert_eq!(results.next().unwrap().unwrap(), 1);
        // Long after the time is over the rest has been computed, and is there.
        wait_all([executor.spawn(|| ())]);
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!(results.next().unwrap().unwrap(), 4);
        assert_eq!(results.next().unwrap().unwrap(), 9);
        assert!(results.next().is_none());
    });
}

#[test]
fn item_22_dropping_the_iterator_ends_the_map() {
    on_all(|executor| {
        let taken = Rc::new(Cell::new(0));
        let inputs = (0..).inspect({
            let taken = Rc::clone(&taken);
            move |_| taken.set(taken.get() + 1)
        });
        let options = MapOptions::new().chunk(1).window(4);
        let mut results = executor.map_with(options, square, inputs);
        for n in 0..3 {
            assert_eq!(results.next().unwrap().unwrap(), square(n));
        }
        drop(results);
        assert!(taken.get() <= 7, "{} inputs were taken", taken.get());
        assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
    });
}

#[test]
fn item_23_a_dropped_or_late_map_cancels_what_runs_and_what_waits() {
    on_single(|executor| {
        for by_drop in [true, false] {
            let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let f = {
                let (begun, ended) = (Arc::clone(&begun), Arc::clone(&ended));
                move |n: u32| {
                    struct Ends(Arc<AtomicUsize>);
                    impl Drop for Ends {
                        fn drop(&mut self) {
                            self.0.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    let _ends = Ends(Arc::clone(&ended));
                    begun.fetch_add(1, Ordering::SeqCst);
                    if n == 1 {
                        manyhands::sleep(LONG);
                    }
                    n
                }
            };
            let limit = if by_drop { LONG } else { Duration::from_millis(100) };
            let options = MapOptions::new().chunk(1).window(3).timeout(limit);
            let mut results = executor.map_closure_with(options, f, 0..3);
            eventually("the second call runs", || begun.load(Ordering::SeqCst) == 2);
            if by_drop {
                drop(results);
            } else {
                assert_eq!(results.next().unwrap().unwrap(), 0);
                assert!(results.next().unwrap().unwrap_err().is_timed_out());
                assert!(results.next().is_none());
            }
            eventually("the second call is ended", || ended.load(Ordering::SeqCst) == 2);
            executor.spawn(|| ()).result().unwrap();
            assert_eq!(begun.load(Ordering::SeqCst), 2, "the third call never starts");
        }
    });
}

#[test]
fn item_25_a_window_or_a_chunk_of_nothing_is_a_mistake() {
    let window = std::panic::catch_unwind(|| MapOptions::new().window(0)).unwrap_err();
    assert!(window.downcast_ref::<&str>().unwrap().contains("window"));
    let chunk = std::panic::catch_unwind(|| MapOptions::new().chunk(0)).unwrap_err();
    assert!(chunk.downcast_ref::<&str>().unwrap().contains("chunk"));
}

#[test]
fn item_26_any_window_gives_the_same() {
    on_all(|executor| {
        for n in [1_usize, 2, 10] {
            for window in [1, 2, n, 2 * n] {
                let options = MapOptions::new().window(window);
                let inputs = 0..n as u64;
                let results: Vec<_> =
                    executor.map_with(options, square, inputs).map(Result::unwrap).collect();
                assert!(results.into_iter().eq((0..n as u64).map(square)));
            }
        }
    });
}

#[test]
fn item_27_endless_inputs_work() {
    on_all(|executor| {
        for options in [MapOptions::new(), MapOptions::new().window(5), MapOptions::new().chunk(3)]
        {
            let first: Vec<_> =
                executor.map_with(options, square, 0..).take(100).map(Result::unwrap).collect();
            assert!(first.into_iter().eq((0..100).map(square)));
        }
        assert_eq!(executor.map_unordered(square, std::iter::repeat(2)).take(50).count(), 50);
    });
}

#[test]
fn item_28_no_inputs_give_no_results() {
    on_all(|executor| {
        assert!(executor.map(square, []).next().is_none());
        let bounded = MapOptions::new().window(3).timeout(LONG);
        assert_eq!(executor.map_with(bounded, square, std::iter::empty()).count(), 0);
        assert_eq!(executor.map_unordered(square, Vec::new()).count(), 0);
        executor.for_each(drop::<u8>, []).unwrap();
    });
}

#[test]
fn item_29_with_nothing_consumed_exactly_the_window_is_taken() {
    on_all(|executor| {
        for window in [1, 2, 5, 100] {
            for chunk in [None, Some(1), Some(3), Some(1000)] {
                let taken = Cell::new(0);
                let inputs = (0..).inspect(|_| taken.set(taken.get() + 1));
                let mut options = MapOptions::new().window(window);
                if let Some(chunk) = chunk {
                    options = options.chunk(chunk);
                }
                let mut results = executor.map_with(options, square, inputs);
                assert_eq!(taken.get(), window, "chunk {chunk:?}");
                // Each result makes room for no more than it freed.
                for n in 1..=10 {
                    assert_eq!(results.next().unwrap().unwrap(), square(n as u64 - 1));
                    assert!(taken.get() <= window + n, "{} after {n}", taken.get());
                }
            }
        }
    });
}

#[test]
fn item_31_nothing_is_kept_of_inputs_and_results_that_were_yielded() {
    on_all(|executor| {
        let live: RefCell<Vec<Weak<u64>>> = RefCell::default();
        let inputs = (0..20).map(|n: u64| {
            let input = Arc::new(n);
            live.borrow_mut().push(Arc::downgrade(&input));
            input
        });
        let options = MapOptions::new().chunk(1).window(1);
        let mut results =
            executor.map_closure_with(options, |input: Arc<u64>| Arc::new(*input + 100), inputs);
        for n in 0..20 {
            let result = results.next().unwrap().unwrap();
            assert_eq!(*result, n + 100);
            assert_eq!(Arc::strong_count(&result), 1, "somebody still has result {n}");
            let input = live.borrow()[n as usize].clone();
            assert!(input.upgrade().is_none(), "somebody still has input {n}");
        }
    });
}

#[test]
fn item_31_a_task_gives_its_result_away() {
    on_all(|executor| {
        let input = Arc::new(5);
        let kept = Arc::clone(&input);
        let result = executor.spawn(move || input).result().unwrap();
        drop(result);
        eventually("nobody else has it", || Arc::strong_count(&kept) == 1);
    });
}

#[test]
fn item_36_a_failure_of_any_kind_is_an_error() {
    // CPython: exceptions that count as false. Here: payloads of any type, also empty ones.
    on_all(|executor| {
        let unit = executor.spawn(|| std::panic::panic_any(()));
        let zero = executor.spawn(|| std::panic::panic_any(0_u8));
        let empty = executor.spawn(|| std::panic::panic_any(""));
        for task in [unit, zero, empty] {
            let error: manyhands::TaskError = task.result().unwrap_err();
            assert!(error.is_panicked());
        }
        let text = executor.spawn(|| std::panic::panic_any(String::new()));
        let error: Result<(), _> = text.result();
        assert_eq!(error.unwrap_err().message(), "");
        // What the program takes for an error is a value here, whichever it is.
        let own: Result<u8, ()> = executor.submit(|_: u8| Err(()), 1).result().unwrap();
        assert_eq!(own, Err(()));
    });
}

#[test]
fn a_map_says_how_long_it_is() {
    on_all(|executor| {
        let mut results = executor.map(square, 0..10);
        assert_eq!(results.size_hint().0, 10);
        results.next();
        assert_eq!(results.size_hint().0, 9);
        assert!(results.size_hint().1.unwrap() >= 9);
        assert_eq!(results.by_ref().count(), 9);
        assert_eq!(results.size_hint().0, 0);
        assert_eq!(executor.map(square, 0..).size_hint().1, None);
    });
}

#[test]
fn results_that_come_first_are_yielded_first_if_wanted() {
    on_concurrent(|executor| {
        let gate = Arc::new(Gate::default());
        let inside = Arc::clone(&gate);
        let options = MapOptions::new().chunk(1).window(3).unordered();
        let f = move |n: u32| {
            if n == 0 {
                inside.pass();
            }
            n
        };
        let mut results = executor.map_closure_with(options, f, 0..3);
        let mut early = [results.next().unwrap().unwrap(), results.next().unwrap().unwrap()];
        early.sort_unstable();
        assert_eq!(early, [1, 2]);
        gate.open();
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert!(results.next().is_none());
    });
}

#[test]
fn a_map_may_outlive_many_windows() {
    on_all(|executor| {
        let sum: u64 = executor.map(|n: u64| n, 0..30_000).map(Result::unwrap).sum();
        assert_eq!(sum, 30_000 * 29_999 / 2);
        let panics = executor.map(unless_round, 0..3_000);
        assert_eq!(panics.filter(Result::is_err).count(), 30);
    });
}

fn unless_round(n: u64) {
    if n.is_multiple_of(100) {
        std::panic::resume_unwind(Box::new("round"));
    }
}
