//! Bare coroutines inside those of a hub: a wait suspends both. And parkers that coroutines of either
//! kind set: each is in force on its own stack alone.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use manyhands_coroutines::{Coroutine, SwitchError, sleep, spawn_local, timeout, yield_now};
use manyhands_wait::{Parker, has_scoped_parker, wait_timeout, with_parker};

#[test]
fn a_wait_inside_lets_the_other_coroutines_of_the_hub_run() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let note = |line: &'static str| {
        let log = Rc::clone(&log);
        move || log.borrow_mut().push(line)
    };
    let (before, after, other) = (note("before"), note("after"), note("other"));
    let waiting = spawn_local(move || {
        let inner = Coroutine::new(move |me, ()| {
            before();
            manyhands_wait::sleep(Duration::from_millis(20));
            after();
            me.suspend(1);
        });
        inner.map(|n| 2 * n).collect::<Vec<_>>()
    });
    let running = spawn_local(other);
    assert_eq!(waiting.result().unwrap(), [2]);
    running.result().unwrap();
    assert_eq!(*log.borrow(), ["before", "other", "after"]);
}

#[test]
fn one_that_waits_in_another_coroutine_of_the_hub_is_running() {
    let shared = Coroutine::<()>::new(|_, ()| manyhands_wait::sleep(Duration::from_millis(20)));
    let first = spawn_local({
        let shared = shared.clone();
        move || _ = shared.switch(())
    });
    let second = spawn_local({
        let shared = shared.clone();
        move || shared.try_switch(())
    });
    assert_eq!(second.result().unwrap(), Err(SwitchError::Running(())));
    first.result().unwrap();
    assert!(shared.is_dead());
}

type Log = Rc<RefCell<Vec<String>>>;

/// Notes who parks through it. The name is on the heap, where a use after it was dropped shows.
struct Named(String, Log);

impl Named {
    fn new(name: &str, log: &Log) -> Named {
        Named(name.to_owned(), Rc::clone(log))
    }
}

impl Parker for Named {
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn park(&self, _: Option<Instant>) {
        self.1.borrow_mut().push(self.0.clone());
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.0.replace_range(.., "dropped");
    }
}

/// Parks once through the parker in force.
fn park() {
    wait_timeout(std::future::pending::<()>(), Duration::ZERO).unwrap_err();
}

#[test]
fn parkers_of_bare_coroutines_are_left_in_any_order() {
    let log = Log::default();
    let make = |name: &'static str| {
        let log = Rc::clone(&log);
        Coroutine::<()>::new(move |me, ()| {
            let parker = Named::new(name, &log);
            with_parker(&parker, || {
                park();
                me.suspend(());
                park();
            });
            drop(parker);
            park(); // through that of the thread
            assert!(!has_scoped_parker());
        })
    };
    let (one, two) = (make("one"), make("two"));
    one.switch(());
    assert!(!has_scoped_parker());
    two.switch(());
    one.switch(());
    assert!(one.is_dead() && !has_scoped_parker());
    park();
    two.switch(());
    assert!(two.is_dead() && !has_scoped_parker());
    park();
    assert_eq!(*log.borrow(), ["one", "two", "one", "two"]);
}

#[test]
fn a_bare_coroutine_that_is_dropped_takes_its_parker_along() {
    let log = Log::default();
    let parker = Named::new("its own", &log);
    let suspended = Coroutine::<()>::new(move |me, ()| with_parker(&parker, || me.suspend(())));
    suspended.switch(());
    with_parker(&Named::new("other", &log), || {
        drop(suspended);
        park();
    });
    park();
    assert_eq!(*log.borrow(), ["other"]);
}

#[test]
fn a_bare_coroutine_has_the_parker_of_the_thread_that_switches_to_it() {
    let log = Log::default();
    let waits = Coroutine::<()>::new(|me, ()| {
        park();
        me.suspend(());
        park();
    });
    with_parker(&Named::new("first", &log), || _ = waits.switch(()));
    with_parker(&Named::new("second", &log), || _ = waits.switch(()));
    assert_eq!(*log.borrow(), ["first", "second"]);
}

/// What one sets may be tied to its stack, so it cannot be used on another.
#[test]
fn a_bare_coroutine_does_not_have_the_parker_of_another_one() {
    let log = Log::default();
    let inner = Coroutine::<()>::new(|_, ()| park());
    let outer = Coroutine::<()>::new({
        let parker = Named::new("outer", &log);
        move |_, ()| {
            with_parker(&parker, || {
                inner.switch(());
                park();
            })
        }
    });
    with_parker(&Named::new("thread", &log), || _ = outer.switch(()));
    assert_eq!(*log.borrow(), ["thread", "outer"]);
}

#[test]
fn parkers_of_coroutines_of_a_hub_are_left_in_any_order() {
    let log = Log::default();
    let make = |name: &'static str, turns: u32| {
        let log = Rc::clone(&log);
        spawn_local(move || {
            with_parker(&Named::new(name, &log), || {
                for _ in 0..turns {
                    yield_now();
                    park();
                }
            });
            sleep(Duration::from_millis(1)); // through the hub
        })
    };
    let (one, two) = (make("one", 1), make("two", 2));
    let other = spawn_local(|| {
        for _ in 0..4 {
            yield_now();
            sleep(Duration::from_millis(1));
        }
    });
    for task in [one, two, other] {
        task.result().unwrap();
    }
    assert!(!has_scoped_parker());
    assert_eq!(*log.borrow(), ["one", "two", "two"]);
}

#[test]
fn a_bare_coroutine_goes_on_in_another_coroutine_with_its_own_parker() {
    let log = Log::default();
    let shared = Coroutine::<()>::new({
        let parker = Named::new("its own", &log);
        move |me, ()| {
            with_parker(&parker, || {
                me.suspend(());
                park();
            });
            sleep(Duration::from_millis(1)); // through the hub
        }
    });
    let first = shared.clone();
    spawn_local(move || _ = first.switch(())).result().unwrap();
    park();
    let second = shared.clone();
    spawn_local(move || _ = second.switch(())).result().unwrap();
    assert!(shared.is_dead() && !has_scoped_parker());
    assert_eq!(*log.borrow(), ["its own"]);
}

/// A coroutine that is begun because another one waits for it outlives that wait, and so whatever the
/// other one has set.
#[test]
fn a_coroutine_begun_inside_the_wait_of_another_does_not_have_its_parker() {
    let log = Log::default();
    let by_hand = Log::clone(&log);
    let waiting = spawn_local(move || {
        let begins = |log: &Log| {
            let parker = Named::new("of the waiting one", log);
            // The wait for it begins it, and ends before it.
            let begun = with_parker(&parker, || {
                let begun = spawn_local(|| {
                    assert!(has_scoped_parker(), "that of the hub");
                    sleep(Duration::from_millis(20));
                    sleep(Duration::from_millis(1));
                });
                let handle = begun.handle();
                timeout(Duration::ZERO, move || begun.result()).unwrap_err();
                handle
            });
            let noted = log.take().len();
            assert!(begun.is_running(), "it waits for its time, as coroutines do");
            drop(parker);
            begun.wait();
            assert!(log.borrow().is_empty(), "{noted} before: {log:?}");
        };
        begins(&log);
        // Likewise if it is a bare coroutine in there that waits.
        Coroutine::<()>::new(move |_, ()| begins(&by_hand)).switch(());
    });
    waiting.result().unwrap();
}

/// Calls `f`, which is to panic because it leaves a wait.
fn refused(f: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it must not leave the wait");
    let message = payload.downcast_ref::<&str>().expect("the message has no arguments");
    assert!(message.contains("in the middle of a wait"), "{message}");
}

/// The parker may be gone when the coroutine goes on, and its waker is another's.
#[test]
fn a_bare_coroutine_does_not_leave_a_wait_that_parks_through_the_parker_of_others() {
    let log = Log::default();
    let waits = Coroutine::<()>::new(|me, ()| {
        let other = Coroutine::<()>::new(|_, ()| panic!("is not switched to"));
        for _ in 0..2 {
            refused(|| {
                manyhands_wait::wait(poll_fn(|_| {
                    me.suspend(());
                    Poll::<()>::Pending
                }))
            });
            refused(|| {
                manyhands_wait::wait(poll_fn(|_| {
                    me.switch_to(&other, ());
                    Poll::<()>::Pending
                }))
            });
            me.suspend(()); // between waits it may
            park();
        }
    });
    for name in ["first", "second", "third"] {
        with_parker(&Named::new(name, &log), || _ = waits.switch(()));
    }
    assert!(waits.is_dead());
    assert_eq!(*log.borrow(), ["second", "third"]);
}

#[test]
fn one_that_switches_past_a_wait_is_refused_there() {
    let outer = Coroutine::<()>::new(|me, ()| {
        let own = me.handle();
        let between = Coroutine::<()>::new(move |_, ()| {
            let inner = Coroutine::<()>::new(move |me, ()| me.switch_to(&own, ()));
            manyhands_wait::wait(poll_fn(|_| Poll::Ready(_ = inner.switch(()))));
        });
        refused(|| _ = between.switch(()));
        assert!(between.is_dead());
    });
    outer.switch(());
    assert!(outer.is_dead());
}

#[test]
fn a_bare_coroutine_may_leave_a_wait_that_parks_through_its_own_parker() {
    let log = Log::default();
    let waits = Coroutine::<()>::new({
        let parker = Named::new("its own", &log);
        move |me, ()| {
            with_parker(&parker, || {
                let mut polls = 0;
                manyhands_wait::wait(poll_fn(|_| {
                    me.suspend(());
                    polls += 1;
                    if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
                }));
            });
        }
    });
    while !waits.is_dead() {
        with_parker(&Named::new("other", &log), || _ = waits.switch(()));
    }
    assert_eq!(*log.borrow(), ["its own"]);
}

/// Suspends its coroutine where that waits.
struct Suspends<F>(F);

impl<F: Fn()> Parker for Suspends<F> {
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn park(&self, _: Option<Instant>) {
        self.0();
    }
}

#[test]
fn waits_of_bare_coroutines_with_parkers_of_their_own_are_left_in_any_order() {
    let make = || {
        Coroutine::<()>::new(|me, ()| {
            with_parker(&Suspends(|| me.suspend(())), park);
        })
    };
    let (one, two) = (make(), make());
    one.switch(());
    two.switch(());
    one.switch(());
    assert!(one.is_dead());
    drop(one);
    two.switch(());
    assert!(two.is_dead());
    let me = manyhands_wait::Context::current().id();
    let seen = manyhands_wait::dump().contexts.into_iter().find(|seen| seen.id == me);
    assert!(seen.is_some_and(|seen| seen.wait.is_none()), "nobody waits here");
}
