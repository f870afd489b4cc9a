//! The bare coroutine, after the test suite of Python's greenlet where the behaviour has a
//! counterpart there (`test_greenlet.py`, `test_generator.py`, `test_throw.py`).

use std::cell::{Cell, OnceCell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use manyhands_coroutines::{Coroutine, Suspender, SwitchError, Switched};

/// A log that coroutines write to.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Writes to a log when it is dropped.
struct Noted(Log, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// A handle that can be given to coroutines before there is one.
struct Later<In, Out, R>(Rc<OnceCell<Coroutine<In, Out, R>>>);

impl<In, Out, R> Clone for Later<In, Out, R> {
    fn clone(&self) -> Self {
        Later(Rc::clone(&self.0))
    }
}

impl<In, Out, R> Later<In, Out, R> {
    fn new() -> Self {
        Later(Rc::default())
    }

    fn get(&self) -> &Coroutine<In, Out, R> {
        self.0.get().expect("is set before any coroutine starts")
    }

    fn set(&self, coroutine: &Coroutine<In, Out, R>) {
        assert!(self.0.set(coroutine.clone()).is_ok());
    }
}

fn message(payload: Box<dyn std::any::Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("panics carry a text")
}

fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => message(payload),
    }
}

#[test]
fn eat_and_play() {
    // The first program of the seeds (C1): two coroutines that switch to each other.
    let log = Log::default();
    let play = Later::<&str, (), ()>::new();
    let eat = Coroutine::new({
        let (log, play) = (log.clone(), play.clone());
        move |me, name: &str| {
            log.add(format!("{name} eat 1"));
            me.switch_to(play.get(), name);
            log.add(format!("{name} eat 2"));
            me.switch_to(play.get(), name);
            log.add("not reached");
        }
    });
    play.set(&Coroutine::new({
        let (log, eat) = (log.clone(), eat.clone());
        move |me, name: &str| {
            log.add(format!("{name} play 1"));
            me.switch_to(&eat, name);
            log.add(format!("{name} play 2"));
        }
    }));
    assert_eq!(eat.switch("egon"), Switched::Ended(()));
    assert_eq!(log.take(), ["egon eat 1", "egon play 1", "egon eat 2", "egon play 2"]);
    assert!(play.get().is_dead());
    assert!(!eat.is_dead() && eat.is_started() && !eat.is_running());
}

#[test]
fn values_pass_both_ways() {
    let coroutine = Coroutine::new(|me, first: i32| {
        let second = me.suspend(format!("got {first}"));
        let third = me.suspend(format!("got {second}"));
        [first, second, third]
    });
    assert!(!coroutine.is_started());
    assert_eq!(coroutine.switch(1), Switched::Suspended("got 1".to_owned()));
    assert!(coroutine.is_started());
    assert_eq!(coroutine.switch(2).suspended().as_deref(), Some("got 2"));
    assert_eq!(coroutine.switch(3).ended(), Some([1, 2, 3]));
    assert!(coroutine.is_dead() && !coroutine.is_started());
}

#[test]
fn large_values_pass_too() {
    let coroutine = Coroutine::new(|me, mut block: [u64; 500]| {
        loop {
            block[499] += 1;
            block = me.suspend(block);
        }
        #[allow(unreachable_code, reason = "says the type of the result")]
        ()
    });
    let block = coroutine.switch([7; 500]).suspended().unwrap();
    assert_eq!((block[0], block[499]), (7, 8));
    assert_eq!(coroutine.switch(block).suspended().unwrap()[499], 9);
}

#[test]
fn one_without_in_is_an_iterator() {
    let mut numbers = Coroutine::new(|me, ()| {
        (0..5).for_each(|n| me.suspend(n));
        "five"
    });
    assert_eq!(numbers.next(), Some(0));
    assert_eq!(numbers.by_ref().collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(numbers.next(), None);
    assert_eq!(numbers.take_result(), Some("five"));
    assert_eq!(numbers.take_result(), None);
}

#[test]
fn generators_nest() {
    fn walk(me: &Suspender<'_, (), u32, ()>, from: u32) {
        // Suspends from any depth of calls.
        me.suspend(from);
        if from > 1 {
            walk(me, from - 1);
            walk(me, from - 2);
        }
    }
    let inner = Coroutine::new(|me, ()| walk(me, 3));
    let doubled = Coroutine::new(move |me, ()| {
        for n in inner {
            me.suspend(2 * n);
        }
    });
    assert_eq!(doubled.collect::<Vec<_>>(), [6, 4, 2, 0, 2]);
}

#[test]
fn a_dead_one_is_refused_and_the_value_comes_back() {
    let coroutine = Coroutine::<String>::new(|_, _| ());
    coroutine.switch(String::new());
    let error = coroutine.try_switch("unsent".to_owned()).unwrap_err();
    assert_eq!(error.to_string(), "cannot switch to the coroutine: it has ended");
    assert_eq!(error, SwitchError::Dead("unsent".to_owned()));
    assert_eq!(error.into_value(), "unsent");
    let text = panic_of(|| coroutine.switch(String::new()));
    assert!(text.contains("it has ended"), "{text}");
    let text = panic_of(|| coroutine.throw(Box::new("x")));
    assert!(text.contains("it has ended"), "{text}");
}

#[test]
fn one_that_runs_is_refused() {
    let coroutine = Coroutine::<()>::builder().name("narcissus").build(|me, ()| {
        let own: Coroutine = me.handle();
        assert!(own.is_running());
        assert_eq!(own.try_switch(()), Err(SwitchError::Running(())));
        let text = panic_of(|| own.switch(()));
        assert!(text.contains("'narcissus'") && text.contains("running"), "{text}");
        let text = panic_of(|| me.switch_to(&own, ()));
        assert!(text.contains("running"), "{text}");
    });
    assert_eq!(coroutine.unwrap().switch(()), Switched::Ended(()));
}

#[test]
fn panics_come_out_of_the_switch() {
    let coroutine = Coroutine::new(|me, ()| {
        me.suspend(());
        panic!("in the middle");
        #[allow(unreachable_code, reason = "says the type of the result")]
        ()
    });
    coroutine.switch(());
    assert_eq!(panic_of(|| coroutine.switch(())), "in the middle");
    assert!(coroutine.is_dead());
}

#[test]
fn panics_of_one_that_was_switched_to_go_to_the_parent() {
    let other = Coroutine::<()>::new(|_, ()| panic!("of the other"));
    let one = Coroutine::<()>::new({
        let other = other.clone();
        move |me, ()| me.switch_to(&other, ())
    });
    assert_eq!(panic_of(|| one.switch(())), "of the other");
    assert!(other.is_dead() && !one.is_dead());
    one.switch(());
    assert!(one.is_dead());
}

#[test]
fn throw_raises_where_it_is_suspended() {
    let log = Log::default();
    let coroutine = Coroutine::new({
        let log = log.clone();
        move |me, ()| {
            let _noted = Noted(log.clone(), "dropped");
            let caught = catch_unwind(AssertUnwindSafe(|| me.suspend(0))).unwrap_err();
            log.add(message(caught));
            me.suspend(1);
        }
    });
    assert_eq!(coroutine.switch(()), Switched::Suspended(0));
    assert_eq!(coroutine.throw(Box::new("first")), Switched::Suspended(1));
    assert_eq!(log.take(), ["first"]);
    assert_eq!(panic_of(|| coroutine.throw(Box::new("second"))), "second");
    assert_eq!(log.take(), ["dropped"]);
    assert!(coroutine.is_dead());
    assert!(!std::thread::panicking());
}

#[test]
fn throw_ends_an_unstarted_one_at_once() {
    let log = Log::default();
    let noted = Noted(log.clone(), "captured");
    let coroutine = Coroutine::<()>::new({
        let log = log.clone();
        move |_, ()| {
            let _noted = noted;
            log.add("ran");
        }
    });
    assert_eq!(panic_of(|| coroutine.throw(Box::new("early"))), "early");
    assert!(coroutine.is_dead());
    assert_eq!(log.take(), ["captured"]);
}

#[test]
fn dropping_the_last_handle_unwinds() {
    let log = Log::default();
    let coroutine = Coroutine::new({
        let log = log.clone();
        move |me, ()| {
            let _outer = Noted(log.clone(), "outer");
            let _inner = Noted(log.clone(), "inner");
            me.suspend(());
            log.add("not reached");
        }
    });
    coroutine.switch(());
    let clone = coroutine.clone();
    drop(coroutine);
    assert!(log.take().is_empty());
    drop(clone);
    assert_eq!(log.take(), ["inner", "outer"]);
    assert!(!std::thread::panicking());
}

#[test]
fn dropping_an_unstarted_one_drops_the_closure_even_if_that_panics() {
    struct Bomb(Log);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.add("dropped");
            panic!("in a destructor");
        }
    }
    let log = Log::default();
    let bomb = Bomb(log.clone());
    drop(Coroutine::<()>::new(move |_, ()| {
        let _bomb = &bomb;
    }));
    assert_eq!(log.take(), ["dropped"]);
    assert!(!std::thread::panicking());
}

#[test]
fn one_that_catches_its_end_once_ends_all_the_same() {
    let log = Log::default();
    let coroutine = Coroutine::new({
        let log = log.clone();
        move |me, ()| {
            let _noted = Noted(log.clone(), "dropped");
            let _ = catch_unwind(AssertUnwindSafe(|| me.suspend(())));
            log.add("caught");
            me.suspend(());
        }
    });
    coroutine.switch(());
    drop(coroutine);
    assert_eq!(log.take(), ["caught", "dropped"]);
}

#[test]
fn one_that_catches_its_end_for_ever_is_leaked() {
    let caught = Rc::new(Cell::new(0));
    let coroutine = Coroutine::<()>::new({
        let caught = Rc::clone(&caught);
        move |me, ()| {
            loop {
                let _ = catch_unwind(AssertUnwindSafe(|| me.suspend(())));
                caught.set(caught.get() + 1);
            }
        }
    });
    coroutine.switch(());
    drop(coroutine);
    assert!(caught.get() >= 1);
    assert_eq!(Rc::strong_count(&caught), 2);
}

#[test]
fn one_whose_destructor_suspends_is_leaked_without_an_abort() {
    struct Suspends<'a>(&'a Suspender<'a, (), (), ()>);
    impl Drop for Suspends<'_> {
        fn drop(&mut self) {
            self.0.suspend(());
        }
    }
    // On a thread of its own, which counts as panicking from then on.
    let panicking = std::thread::spawn(|| {
        let coroutine = Coroutine::new(|me, ()| {
            let _suspends = Suspends(me);
            me.suspend(());
        });
        coroutine.switch(());
        drop(coroutine);
        std::thread::panicking()
    });
    assert!(panicking.join().unwrap());
}

#[test]
fn one_that_is_dropped_during_a_panic_is_leaked() {
    let alive = Rc::new(());
    let text = panic_of(|| {
        let coroutine = Coroutine::<()>::new({
            let alive = Rc::clone(&alive);
            move |me, ()| {
                let _alive = &alive;
                me.suspend(());
            }
        });
        coroutine.switch(());
        panic!("with a suspended coroutine");
    });
    assert_eq!(text, "with a suspended coroutine");
    assert_eq!(Rc::strong_count(&alive), 2);
}

#[test]
fn one_that_is_dropped_at_the_end_of_its_thread_does_no_harm() {
    thread_local! {
        static KEPT: RefCell<Vec<Coroutine>> = const { RefCell::new(Vec::new()) };
    }
    for keep_first in [true, false] {
        let thread = std::thread::spawn(move || {
            let touch = || KEPT.with_borrow_mut(Vec::clear);
            if keep_first {
                touch();
            }
            let coroutines = [(); 3].map(|()| Coroutine::<()>::new(|me, ()| me.suspend(())));
            coroutines[0].switch(());
            KEPT.with_borrow_mut(|kept| kept.extend(coroutines));
        });
        thread.join().unwrap();
    }
}

#[test]
fn a_ring_of_three() {
    let log = Log::default();
    let ring: [Later<u32, (), u32>; 3] = [Later::new(), Later::new(), Later::new()];
    for at in 0..3 {
        let (log, next) = (log.clone(), ring[(at + 1) % 3].clone());
        ring[at].set(&Coroutine::new(move |me, mut n: u32| {
            while n < 7 {
                log.add(format!("{at}:{n}"));
                n = me.switch_to(next.get(), n + 1);
            }
            n
        }));
    }
    assert_eq!(ring[0].get().switch(0), Switched::Ended(7));
    assert_eq!(log.take(), ["0:0", "1:1", "2:2", "0:3", "1:4", "2:5", "0:6"]);
    assert!(ring[1].get().is_dead());
    assert!(!ring[0].get().is_dead() && !ring[2].get().is_dead());
}

#[test]
fn switching_to_each_other_uses_no_stack() {
    let other = Later::<u32, (), u32>::new();
    let bounce = |to: Later<u32, (), u32>| {
        move |me: &Suspender<'_, u32, (), u32>, mut n: u32| {
            while n > 0 {
                n = me.switch_to(to.get(), n - 1);
            }
            n
        }
    };
    let one = Later::new();
    one.set(&Coroutine::new(bounce(other.clone())));
    other.set(&Coroutine::new(bounce(one.clone())));
    assert_eq!(one.get().switch(1_000_000), Switched::Ended(0));
}

#[test]
fn one_without_other_handles_ends_when_it_switches_away() {
    let log = Log::default();
    let second = Coroutine::<()>::new({
        let log = log.clone();
        move |_, ()| log.add("second")
    });
    let first = Coroutine::<()>::new({
        let log = log.clone();
        move |me, ()| {
            let handed_over = Coroutine::<()>::new({
                let (log, second) = (log.clone(), second.clone());
                move |me, ()| {
                    let _noted = Noted(log, "unwound");
                    me.switch_to(&second, ());
                }
            });
            me.switch_to(&handed_over, ());
        }
    });
    first.switch(());
    // Its only handle is on the stack of the first, which waits for ever.
    assert_eq!(log.take(), ["second"]);
    drop(first);
    assert_eq!(log.take(), ["unwound"]);
}

#[test]
fn one_further_out_can_be_switched_to() {
    let log = Log::default();
    let outer = Later::<&str, &str, ()>::new();
    let inner = Coroutine::<u32, &str, ()>::new({
        let (log, outer) = (log.clone(), outer.clone());
        move |me, _| {
            let back = me.switch_to(outer.get(), "hello from inside");
            log.add(format!("inner again with {back}"));
        }
    });
    outer.set(&Coroutine::new({
        let log = log.clone();
        move |me: &Suspender<'_, &str, &str, ()>, _| {
            assert_eq!(inner.switch(1), Switched::Back);
            log.add(me.received().unwrap());
            assert_eq!(me.received(), None);
            assert_eq!(inner.switch(2), Switched::Ended(()));
        }
    }));
    assert_eq!(outer.get().switch(""), Switched::Ended(()));
    assert_eq!(log.take(), ["hello from inside", "inner again with 2"]);
}

#[test]
fn those_in_between_stay_suspended() {
    let log = Log::default();
    let outer = Later::<u32, (), ()>::new();
    let innermost = Coroutine::<(), (), ()>::new({
        let (log, outer) = (log.clone(), outer.clone());
        move |me, ()| {
            me.switch_to(outer.get(), 1);
            log.add("innermost");
        }
    });
    let middle = Coroutine::<&str, (), ()>::new({
        let (log, innermost) = (log.clone(), innermost.clone());
        move |me, _| {
            assert_eq!(innermost.switch(()), Switched::Back);
            log.add(me.received().unwrap());
        }
    });
    outer.set(&Coroutine::new({
        let (log, middle, innermost) = (log.clone(), middle.clone(), innermost.clone());
        move |me: &Suspender<'_, u32, (), ()>, _| {
            assert_eq!(middle.switch("first"), Switched::Back);
            log.add(format!("outer {:?}", me.received()));
            assert!(!middle.is_running() && !innermost.is_running());
            assert_eq!(innermost.switch(()), Switched::Ended(()));
            assert_eq!(middle.switch("middle"), Switched::Ended(()));
        }
    }));
    assert_eq!(outer.get().switch(0), Switched::Ended(()));
    assert_eq!(log.take(), ["outer Some(1)", "innermost", "middle"]);
}

#[test]
fn those_in_between_can_be_dropped() {
    let outer = Later::<(), (), ()>::new();
    let log = Log::default();
    let middle = Coroutine::<()>::new({
        let (log, outer) = (log.clone(), outer.clone());
        move |_, ()| {
            let _noted = Noted(log, "middle");
            let inner = Coroutine::<()>::new(move |me, ()| me.switch_to(outer.get(), ()));
            inner.switch(());
        }
    });
    outer.set(&Coroutine::new(move |_, ()| {
        assert_eq!(middle.switch(()), Switched::Back);
        drop(middle);
    }));
    assert_eq!(outer.get().switch(()), Switched::Ended(()));
    assert_eq!(log.take(), ["middle"]);
}

#[test]
fn deadlines_do_not_pass_in_or_out() {
    let hour = Duration::from_secs(3600);
    let coroutine = Coroutine::new(move |me, ()| {
        let inside_before = manyhands_wait::timeout(Duration::from_secs(7200), || {
            me.suspend(manyhands_wait::current_deadline());
            manyhands_wait::current_deadline()
        });
        inside_before.unwrap()
    });
    let begun = Instant::now();
    let mine = manyhands_wait::timeout(hour, || {
        let theirs = coroutine.switch(()).suspended().unwrap().unwrap();
        assert!(theirs >= begun + 2 * hour, "the caller's deadline has passed in");
        manyhands_wait::current_deadline().unwrap()
    });
    assert!(mine.unwrap() < begun + 2 * hour, "the coroutine's deadline has passed out");
    assert_eq!(manyhands_wait::current_deadline(), None);
    let at_the_end = coroutine.switch(()).ended().unwrap().unwrap();
    assert!(at_the_end >= begun + 2 * hour, "it was kept while the coroutine was suspended");
    assert_eq!(manyhands_wait::current_deadline(), None);
}

#[test]
fn a_wait_inside_holds_up_the_thread() {
    let coroutine = Coroutine::<()>::new(|_, ()| manyhands_wait::sleep(Duration::from_millis(20)));
    let begun = Instant::now();
    coroutine.switch(());
    assert!(begun.elapsed() >= Duration::from_millis(20));
}

#[test]
fn many_are_suspended_at_a_time() {
    const COUNT: usize = 20_000;
    let coroutines: Vec<_> = (0..COUNT)
        .map(|n| {
            Coroutine::new(move |me, add: usize| {
                let more = me.suspend(n + add);
                n + add + more
            })
        })
        .collect();
    for (n, coroutine) in coroutines.iter().enumerate() {
        assert_eq!(coroutine.switch(1), Switched::Suspended(n + 1));
    }
    for (n, coroutine) in coroutines.iter().enumerate().rev() {
        assert_eq!(coroutine.switch(1), Switched::Ended(n + 2));
    }
}

#[test]
fn an_overflow_names_the_coroutine() {
    use std::os::unix::process::ExitStatusExt;
    #[inline(never)]
    fn dive(depth: u64) -> u64 {
        let frame = std::hint::black_box([depth; 32]);
        if depth == u64::MAX { 0 } else { dive(depth + 1) + std::hint::black_box(frame)[7] }
    }
    let name = "coroutine::an_overflow_names_the_coroutine";
    if crate::child::is_asked_for(name) {
        let inner = Coroutine::<()>::builder().name("parser").stack_bytes(128 * 1024);
        let inner: Coroutine = inner.build(|_, ()| _ = dive(0)).unwrap();
        Coroutine::<()>::new(move |_, ()| _ = inner.switch(())).switch(());
        return;
    }
    let output = crate::child::run(name);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("coroutine 'parser' (#1) has overflowed its stack of 128 KiB"),
        "{stderr}"
    );
}
