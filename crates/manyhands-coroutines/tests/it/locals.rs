//! Values of one coroutine each, and inherited ones.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use manyhands_coroutines::{inherited, join_all, local, sleep, spawn_local, yield_now};

local! {
    /// Steps made.
    static STEPS: Cell<u32> = Cell::new(0);
    static NAMES: RefCell<Vec<String>> = RefCell::new(Vec::new());
    /// Dropped aloud.
    static ALOUD: RefCell<Option<Aloud>> = RefCell::new(None);
    static OTHER: RefCell<Option<Aloud>> = RefCell::new(None);
    static WAITS_TO_BE_MADE: u32 = {
        yield_now();
        STEPS.get()
    };
    static LEADS_TO_ITSELF: u32 = {
        if STEPS.replace(1) == 0 { LEADS_TO_ITSELF.with(|n| n + 1) } else { 5 }
    };
}

struct Aloud(Rc<RefCell<Vec<&'static str>>>, &'static str);

impl Drop for Aloud {
    fn drop(&mut self) {
        yield_now(); // still in the coroutine
        assert!(manyhands_coroutines::current().is_coroutine());
        self.0.borrow_mut().push(self.1);
    }
}

#[test]
fn every_coroutine_has_its_own() {
    STEPS.set(100);
    let walk = |steps: u32| {
        move || {
            for step in 0..steps {
                assert_eq!(STEPS.get(), step);
                STEPS.set(step + 1);
                NAMES.with_borrow_mut(|names| names.push(step.to_string()));
                yield_now();
            }
            (STEPS.get(), NAMES.with_borrow(Vec::len))
        }
    };
    let walked = join_all((1..20).map(|steps| spawn_local(walk(steps))));
    for (walked, steps) in walked.into_iter().zip(1..20) {
        assert_eq!(walked.unwrap(), (steps, steps as usize));
    }
    assert_eq!(STEPS.get(), 100, "the thread has its own");
    assert_eq!(std::thread::spawn(|| STEPS.get()).join().unwrap(), 0);
}

#[test]
fn the_next_on_the_same_stack_finds_nothing() {
    for _ in 0..3 {
        assert_eq!(spawn_local(|| STEPS.replace(7)).result().unwrap(), 0);
    }
}

#[test]
fn they_are_dropped_in_their_coroutine_before_the_outcome_is_seen() {
    let said = Rc::new(RefCell::new(Vec::new()));
    let task = spawn_local({
        let said = Rc::clone(&said);
        move || {
            ALOUD.with_borrow_mut(|slot| *slot = Some(Aloud(Rc::clone(&said), "dropped")));
            said.borrow_mut().push("ends");
        }
    });
    task.wait();
    assert_eq!(*said.borrow(), ["ends", "dropped"]);
    task.result().unwrap();
}

#[test]
fn a_coroutine_that_panics_or_is_cancelled_drops_them_too() {
    let said = Rc::new(RefCell::new(Vec::new()));
    let keep = |said: &Rc<RefCell<Vec<&'static str>>>, what| {
        let said = Rc::clone(said);
        ALOUD.with_borrow_mut(|slot| *slot = Some(Aloud(said, what)));
    };
    let panics = spawn_local({
        let said = Rc::clone(&said);
        move || {
            keep(&said, "panicked");
            panic!("as a test asked for");
        }
    });
    assert!(panics.result().unwrap_err().is_panicked());
    let cancelled = spawn_local({
        let said = Rc::clone(&said);
        move || {
            keep(&said, "cancelled");
            sleep(crate::net_places::LONG);
        }
    });
    manyhands_coroutines::idle();
    cancelled.cancel();
    assert!(cancelled.result().unwrap_err().is_cancelled());
    assert_eq!(*said.borrow(), ["panicked", "cancelled"]);
}

#[test]
fn a_destructor_may_panic_and_may_use_other_values() {
    struct Panics(Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Panics {
        fn drop(&mut self) {
            let said = Rc::clone(&self.0);
            OTHER.with_borrow_mut(|slot| *slot = Some(Aloud(said, "made by a destructor")));
            panic!("as a test asked for");
        }
    }
    local! {
        static PANICS: RefCell<Option<Panics>> = RefCell::new(None);
    }
    let said = Rc::new(RefCell::new(Vec::new()));
    let task = spawn_local({
        let said = Rc::clone(&said);
        move || PANICS.with_borrow_mut(|slot| *slot = Some(Panics(said)))
    });
    task.result().unwrap();
    assert_eq!(*said.borrow(), ["made by a destructor"]);
}

#[test]
fn destructors_that_make_each_other_come_to_an_end() {
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            AGAIN.with(|_| {});
        }
    }
    local! {
        static AGAIN: Again = Again;
    }
    spawn_local(|| AGAIN.with(|_| {})).result().unwrap();
    std::thread::spawn(|| AGAIN.with(|_| {})).join().unwrap();
}

#[test]
fn an_initialiser_may_wait() {
    let task = |steps| {
        spawn_local(move || {
            STEPS.set(steps);
            WAITS_TO_BE_MADE.with(|made| *made)
        })
    };
    let made: Vec<_> = join_all([task(1), task(2)]).into_iter().map(Result::unwrap).collect();
    assert_eq!(made, [1, 2]);
}

#[test]
fn an_initialiser_that_leads_to_itself_finds_what_it_made_first() {
    let value = spawn_local(|| LEADS_TO_ITSELF.with(|n| *n));
    assert_eq!(value.result().unwrap(), 5);
}

#[test]
fn what_is_lent_stays_while_others_run() {
    let task = spawn_local(|| {
        NAMES.with(|names| {
            names.borrow_mut().push("first".to_owned());
            for n in 0..100 {
                // Other values come meanwhile, and other coroutines run.
                let _other =
                    spawn_local(move || NAMES.with_borrow_mut(|own| own.push(n.to_string())));
                STEPS.set(n);
                yield_now();
            }
            names.borrow().clone()
        })
    });
    assert_eq!(task.result().unwrap(), ["first"]);
}

inherited! {
    /// The request that is answered.
    static REQUEST: u64;
    static USER: String;
}

#[test]
fn a_value_is_seen_by_those_who_are_spawned_from_then_on() {
    let seen = spawn_local(|| {
        let before = spawn_local(|| {
            yield_now();
            REQUEST.get()
        });
        REQUEST.set(17);
        let after = spawn_local(|| {
            // And by theirs.
            spawn_local(|| REQUEST.get().as_deref().copied()).result().unwrap()
        });
        (before.result().unwrap(), after.result().unwrap())
    });
    assert_eq!(seen.result().unwrap(), (None, Some(17)));
    assert_eq!(REQUEST.get(), None);
}

#[test]
fn what_one_sets_another_that_runs_already_does_not_see() {
    let task = spawn_local(|| {
        REQUEST.set(1);
        USER.set("eve".to_owned());
        let child = spawn_local(|| {
            assert_eq!(REQUEST.set(2), Some(Arc::new(1)));
            yield_now();
            assert_eq!(USER.unset().as_deref().map(String::as_str), Some("eve"));
            yield_now();
            (REQUEST.get(), USER.get())
        });
        yield_now();
        assert_eq!(REQUEST.set(3), Some(Arc::new(1)));
        let child = child.result().unwrap();
        (child, REQUEST.get(), USER.get())
    });
    let (child, request, user) = task.result().unwrap();
    assert_eq!(child, (Some(Arc::new(2)), None));
    assert_eq!(request, Some(Arc::new(3)));
    assert_eq!(user.unwrap().as_str(), "eve");
}

#[test]
fn a_thread_passes_its_values_on_to_its_coroutines() {
    std::thread::spawn(|| {
        REQUEST.set(9);
        assert_eq!(*spawn_local(|| REQUEST.get()).result().unwrap().unwrap(), 9);
        REQUEST.unset();
        assert_eq!(spawn_local(|| REQUEST.get()).result().unwrap(), None);
    })
    .join()
    .unwrap();
}
