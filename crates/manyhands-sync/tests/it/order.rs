//! The order in which locks are taken: what is reported, once, and what is not.

use std::sync::{Arc, Mutex as StdMutex};
use std::thread;
use std::time::Duration;

use manyhands_sync::{
    AsyncMutexGuard, LockOrderInversion, Mutex, ReentrantMutex, RwLock, is_lock_order_checked,
    set_lock_order_checks,
};
use manyhands_wait::{Report, ReportListener, on_report, timeout, tracked, wait};

use crate::own_process::{alone, errors_of};

/// The inversions in which a lock takes part whose name contains a word. Tests run at the same time, in
/// one process, if they are not run by nextest.
struct Heard {
    inversions: Arc<StdMutex<Vec<LockOrderInversion>>>,
    _listener: ReportListener,
}

impl Heard {
    fn about(word: &'static str) -> Heard {
        set_lock_order_checks(true);
        let inversions = Arc::<StdMutex<Vec<LockOrderInversion>>>::default();
        let listener = on_report({
            let inversions = Arc::clone(&inversions);
            move |report| {
                if let Report::Suspicion(suspicion) = report
                    && let Some(inversion) = suspicion.downcast_ref::<LockOrderInversion>()
                    && inversion.to_string().contains(word)
                {
                    inversions.lock().unwrap().push(inversion.clone());
                }
            }
        });
        Heard { inversions, _listener: listener }
    }

    fn count(&self) -> usize {
        self.inversions.lock().unwrap().len()
    }
}

fn both<T, U>(first: &Mutex<T>, second: &Mutex<U>) {
    let _first = first.lock();
    let _second = second.lock();
}

#[test]
fn an_inversion_that_never_deadlocked_is_reported_once_with_all_four_places() {
    let heard = Heard::about("never-deadlocked");
    let a = Mutex::named("never-deadlocked a", ());
    let b = Mutex::named("never-deadlocked b", ());
    both(&a, &b);
    assert_eq!(heard.count(), 0);
    let (held_line, taken_line) = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let held_line = line!() + 1;
            let _b = b.lock();
            let taken_line = line!() + 1;
            let _a = a.lock();
            (held_line, taken_line)
        });
        other.join().unwrap()
    });
    for _ in 0..3 {
        both(&a, &b);
        both(&b, &a);
    }
    assert_eq!(heard.count(), 1);
    let inversion = heard.inversions.lock().unwrap()[0].clone();
    let steps: Vec<_> = inversion.steps().collect();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0].held(), "mutex 'never-deadlocked b'");
    assert_eq!(steps[0].taken(), "mutex 'never-deadlocked a'");
    assert_eq!((steps[0].held_at().line(), steps[0].taken_at().line()), (held_line, taken_line));
    assert_eq!(steps[1].held(), steps[0].taken());
    assert_eq!(steps[1].taken(), steps[0].held());
    assert!(steps[1].held_at().line() < held_line && steps[1].taken_at().file() == file!());
    assert_ne!(steps[0].by(), steps[1].by());
    assert!(inversion.to_string().starts_with("two locks are taken in either order"));
}

#[test]
fn a_circle_of_three_is_reported_with_three_steps() {
    let heard = Heard::about("circle-of-three");
    let locks = ["a", "b", "c"].map(|name| Mutex::named(format!("circle-of-three {name}"), ()));
    both(&locks[0], &locks[1]);
    both(&locks[1], &locks[2]);
    assert_eq!(heard.count(), 0);
    both(&locks[2], &locks[0]);
    assert_eq!(heard.count(), 1);
    assert_eq!(heard.inversions.lock().unwrap()[0].steps().len(), 3);
}

#[test]
fn locks_without_a_name_are_classed_by_where_they_were_made() {
    let heard = Heard::about(file!());
    let make = |_| (Mutex::new(()), Mutex::new(()));
    let pairs: Vec<_> = (0..2).map(make).collect();
    both(&pairs[0].0, &pairs[0].1);
    let before = heard.count();
    both(&pairs[1].1, &pairs[1].0);
    assert!(heard.count() > before);
    let inversions = heard.inversions.lock().unwrap();
    let of_two_unnamed = |it: &&LockOrderInversion| {
        it.steps().all(|step| step.held().starts_with("mutex made at ") && step.by() != "")
    };
    assert_eq!(inversions.iter().filter(of_two_unnamed).count(), 1);
}

#[test]
fn locks_of_one_class_are_not_compared() {
    let heard = Heard::about("one-class");
    let forks: Vec<_> = (0..5).map(|_| Mutex::named("one-class fork", ())).collect();
    (0..5).for_each(|seat| both(&forks[seat], &forks[(seat + 1) % 5]));
    let shelf = RwLock::named("one-class shelf", ());
    let (_one, _other) = (shelf.read(), shelf.read());
    assert_eq!(heard.count(), 0);
}

#[test]
fn what_cannot_wait_for_ever_is_no_step_but_holds() {
    let heard = Heard::about("trying");
    let a = Mutex::named("trying a", ());
    let b = Mutex::named("trying b", ());
    both(&a, &b);
    {
        let _b = b.lock();
        drop(a.try_lock().unwrap());
        drop(a.lock_timeout(Duration::from_secs(60)).unwrap());
        timeout(Duration::from_secs(60), || drop(a.lock())).unwrap();
    }
    assert_eq!(heard.count(), 0);
    let _b = b.try_lock().unwrap();
    drop(a.lock());
    assert_eq!(heard.count(), 1);
}

#[test]
fn a_lock_that_its_holder_takes_again_is_no_step() {
    let heard = Heard::about("taken-again");
    let outer = ReentrantMutex::named("taken-again outer", ());
    let inner = Mutex::named("taken-again inner", ());
    let first = outer.lock();
    let second = inner.lock();
    drop(outer.lock());
    drop((first, second));
    assert_eq!(heard.count(), 0);
    let _inner = inner.lock();
    let _outer = outer.lock();
    assert_eq!(heard.count(), 1);
}

#[test]
fn readers_of_two_locks_wait_behind_writers() {
    let heard = Heard::about("readers-of-two");
    let a = RwLock::named("readers-of-two a", ());
    let b = RwLock::named("readers-of-two b", ());
    {
        let _a = a.read();
        let _b = b.read();
    }
    {
        let _a = a.write();
        let _b = b.write();
    }
    assert_eq!(heard.count(), 0);
    let _b = b.read();
    let _a = a.read();
    assert_eq!(heard.count(), 1);
}

#[test]
fn tracked_tasks_have_lists_of_their_own() {
    let heard = Heard::about("of-tasks");
    let a = Mutex::named("of-tasks a", ());
    let b = Mutex::named("of-tasks b", ());
    both(&a, &b);
    // Two tasks on one stack: what one holds the other does not.
    let mut holder = Box::pin(tracked(async {
        let _b = b.lock_async().await;
        std::future::pending::<()>().await;
    }));
    wait(tracked(async {
        std::future::poll_fn(|cx| {
            assert!(holder.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(a.lock_async().await);
    }));
    drop(holder);
    assert_eq!(heard.count(), 0);
    // One that is handed over is nobody's.
    wait(tracked(async {
        let _b = AsyncMutexGuard::hand_over(b.lock_async().await);
        drop(a.lock_async().await);
    }));
    assert_eq!(heard.count(), 0);
    wait(tracked(async {
        let _b = b.lock_async().await;
        drop(a.lock_async().await);
    }));
    assert_eq!(heard.count(), 1);
}

#[test]
fn random_nesting_in_one_order_is_never_suspicious() {
    let heard = Heard::about("in-one-order");
    let locks: Vec<_> = (0..24).map(|it| Mutex::named(format!("in-one-order {it}"), ())).collect();
    thread::scope(|scope| {
        for seed in 1..=4_u64 {
            let locks = &locks;
            scope.spawn(move || {
                let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                for _ in 0..2_000 {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    let chosen = (0..locks.len()).filter(|place| state >> place & 3 == 3);
                    let held: Vec<_> = chosen.map(|place| locks[place].lock()).collect();
                    drop(held);
                }
            });
        }
    });
    assert_eq!(heard.count(), 0);
    both(&locks[23], &locks[0]);
    assert_eq!(heard.count(), 1);
}

/// With this value of the variable, if any: whether an inversion is reported by a process that says nothing
/// itself.
#[track_caller]
fn is_reported_with(name: &str, value: Option<&str>) -> Option<bool> {
    let variables = value.map(|value| ("MANYHANDS_LOCK_ORDER", value));
    let output = alone(name, variables.as_slice(), || {
        let (a, b) = (Mutex::named("variable a", ()), Mutex::named("variable b", ()));
        both(&a, &b);
        both(&b, &a);
        println!("checked: {}", is_lock_order_checked());
        // Whoever says something has the last word.
        set_lock_order_checks(false);
        assert!(!is_lock_order_checked());
        set_lock_order_checks(true);
        assert!(is_lock_order_checked());
    })?;
    let is_reported = errors_of(&output).contains("two locks are taken in either order");
    let says = format!("checked: {is_reported}");
    assert!(String::from_utf8_lossy(&output.stdout).contains(&says), "{says}: {output:?}");
    Some(is_reported)
}

#[test]
fn the_variable_switches_it_off_in_debug_builds_and_on_in_others() {
    const NAME: &str = "order::the_variable_switches_it_off_in_debug_builds_and_on_in_others";
    let by_default = Some(cfg!(debug_assertions));
    for (value, expected) in [
        (Some("0"), Some(false)),
        (Some("1"), Some(true)),
        (Some("yes"), by_default),
        (None, by_default),
    ] {
        let Some(found) = is_reported_with(NAME, value) else { return };
        assert_eq!(Some(found), expected, "{value:?}");
    }
}

/// What is taken or released while nobody looks is not known when somebody looks again.
#[test]
fn nothing_is_reported_of_what_was_not_looked_at() {
    const NAME: &str = "order::nothing_is_reported_of_what_was_not_looked_at";
    let Some(output) = alone(NAME, &[("MANYHANDS_LOCK_ORDER", "1")], || {
        let [a, b] = ["unseen a", "unseen b"].map(|name| Mutex::named(name, ()));
        let heard = Heard::about("unseen");
        both(&a, &b);
        set_lock_order_checks(false);
        both(&b, &a);
        // Held from before, and released when it is off.
        set_lock_order_checks(true);
        let held = b.lock();
        set_lock_order_checks(false);
        drop(held);
        set_lock_order_checks(true);
        drop(a.lock());
        // Taken when it was off, and released when it is on.
        set_lock_order_checks(false);
        let held = b.lock();
        set_lock_order_checks(true);
        drop(a.lock());
        drop(held);
        assert_eq!(heard.count(), 0);
        both(&b, &a);
        assert_eq!(heard.count(), 1);
    }) else {
        return;
    };
    errors_of(&output);
}
