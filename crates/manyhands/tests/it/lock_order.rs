//! The order of locks on every kind of context: each has a list of its own of what it holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};

use manyhands::sync::{LockOrderInversion, Mutex, set_lock_order_checks};
use manyhands::{AnyExecutor, InProcess, Report, on_report, spawn_local, yield_now};

/// Calls `test` with a count of the inversions of locks whose name has this word in it.
fn counting(word: &'static str, test: impl FnOnce(&dyn Fn() -> usize)) {
    set_lock_order_checks(true);
    let count = Arc::new(AtomicUsize::new(0));
    let _listener = on_report({
        let count = Arc::clone(&count);
        move |report| {
            if let Report::Suspicion(suspicion) = report
                && let Some(inversion) = suspicion.downcast_ref::<LockOrderInversion>()
                && inversion.to_string().contains(word)
            {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    test(&|| count.load(Ordering::SeqCst));
}

fn two(word: &str) -> [Arc<Mutex<()>>; 2] {
    ["a", "b"].map(|name| Arc::new(Mutex::named(format!("{word} {name}"), ())))
}

fn both(first: &Mutex<()>, second: &Mutex<()>) {
    let _first = first.lock();
    let _second = second.lock();
}

/// One coroutine holds `b` while another of the same thread takes `a`; then one that had `b` takes it.
#[test]
fn coroutines_of_one_thread_do_not_share_what_they_hold() {
    counting("of coroutines", |inversions| {
        let [a, b] = two("of coroutines");
        both(&a, &b);
        let holds = spawn_local({
            let b = Arc::clone(&b);
            move || {
                let held = b.lock();
                (0..4).for_each(|_| yield_now());
                drop(held);
            }
        });
        let takes = spawn_local({
            let (a, b) = (Arc::clone(&a), Arc::clone(&b));
            move || {
                while !b.is_locked() {
                    yield_now();
                }
                drop(a.lock());
                assert!(b.is_locked(), "the other one has it all the time");
            }
        });
        // The thread that runs both has a list of its own, too.
        takes.result().unwrap();
        drop(a.lock());
        holds.result().unwrap();
        assert_eq!(inversions(), 0);
        spawn_local(move || both(&b, &a)).result().unwrap();
        assert_eq!(inversions(), 1);
    });
}

/// What a coroutine holds it still holds after it was suspended and others have run.
#[test]
fn a_coroutine_keeps_its_list_across_switches() {
    counting("across switches", |inversions| {
        let [a, b] = two("across switches");
        both(&a, &b);
        let others: Vec<_> =
            (0..3).map(|_| spawn_local(|| (0..8).for_each(|_| yield_now()))).collect();
        spawn_local(move || {
            let _b = b.lock();
            (0..4).for_each(|_| yield_now());
            drop(a.lock());
        })
        .result()
        .unwrap();
        others.into_iter().for_each(|other| other.result().unwrap());
        assert_eq!(inversions(), 1);
    });
}

/// Two orders on two models are one inversion, which names both.
#[test]
fn contexts_of_different_kinds_are_compared() {
    let told = Arc::<StdMutex<Vec<String>>>::default();
    let _listener = on_report({
        let told = Arc::clone(&told);
        move |report| told.lock().unwrap().push(report.to_string())
    });
    counting("of two models", |inversions| {
        let [a, b] = two("of two models");
        for (model, [first, second]) in
            [("threads:1", [a.clone(), b.clone()]), ("coroutines:1", [b, a])]
        {
            let executor: AnyExecutor = model.parse().unwrap();
            executor.spawn(move || both(&first, &second)).result().unwrap();
        }
        assert_eq!(inversions(), 1);
    });
    let told = told.lock().unwrap();
    let report = told.iter().find(|it| it.contains("of two models")).unwrap();
    assert!(report.contains("coroutine") && report.contains("thread"), "{report}");
}
