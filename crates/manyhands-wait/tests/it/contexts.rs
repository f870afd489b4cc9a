//! Contexts and the dump: who is listed, under which name, and what a wait tells of itself.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{
    CancelToken, Context, ContextDump, ContextKind, Layer, Reason, ScheduledContext, TaskLabel,
    Wait, dump, wait,
};

use crate::patience::{LONG, eventually};

static TEA: Reason = Reason::new("tea in a test");

fn find(id: u64) -> Option<ContextDump> {
    dump().contexts.into_iter().find(|seen| seen.id == id)
}

#[test]
fn a_thread_is_one_context_for_its_life() {
    let me = Context::current();
    assert_eq!(me, Context::current());
    assert_eq!(me.kind(), ContextKind::Thread);
    let other = std::thread::spawn(|| Context::current().id()).join().unwrap();
    assert_ne!(other, me.id());
}

#[test]
fn it_is_named_after_its_thread_until_it_is_renamed() {
    let thread = std::thread::Builder::new().name("kettle".to_owned()).spawn(|| {
        let me = Context::current();
        assert_eq!(&*me.name(), "kettle");
        me.set_name("teapot");
        assert_eq!(&*find(me.id()).unwrap().name, "teapot");
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn an_ended_thread_is_not_listed_and_its_number_is_not_used_again() {
    let mut ids = Vec::new();
    for _ in 0..50 {
        let id = std::thread::spawn(|| {
            let me = Context::current();
            assert!(find(me.id()).is_some());
            me.id()
        });
        ids.push(id.join().unwrap());
        let last = *ids.last().unwrap();
        eventually("the ended thread is off the list", || find(last).is_none());
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn a_thread_that_asks_for_itself_while_it_ends_leaves_nothing_behind() {
    // The destructor of this thread-local runs when the thread's own slot may be gone already.
    struct Late(std::sync::mpsc::Sender<u64>);
    impl Drop for Late {
        fn drop(&mut self) {
            let me = Context::current();
            assert!(me.id() > 0);
            manyhands_wait::sleep(Duration::from_millis(1));
            self.0.send(me.id()).unwrap();
        }
    }
    thread_local! {
        static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // Made first, destroyed last.
        LATE.with(|late| late.replace(Some(Late(sender))));
        Context::current();
    })
    .join()
    .unwrap();
    let late = receiver.recv().unwrap();
    eventually("the ended thread is off the list", || find(late).is_none());
}

#[test]
fn the_context_of_an_ended_thread_is_not_taken_for_that_of_a_later_one() {
    let ended = std::thread::spawn(Context::current).join().unwrap();
    eventually("the ended thread is off the list", || find(ended.id()).is_none());
    // Enough threads at a time that one of them has the slot.
    let barrier = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let me = Context::current();
                me.set_name("later");
                barrier.wait();
                ended.set_name("ghost");
                assert_eq!(&*me.name(), "later");
                assert_eq!(&*ended.name(), "(ended)");
                assert_eq!(ended.kind(), ContextKind::Thread);
                barrier.wait();
            });
        }
    });
}

#[test]
fn a_wait_tells_reason_place_age_end_and_task() {
    let token = CancelToken::new();
    let waiter = std::thread::Builder::new().name("guest".to_owned()).spawn({
        let token = token.clone();
        move || {
            let label = || TaskLabel { id: 41, name: Some("breakfast".into()) };
            Layer::new().task(&label).enter(|| {
                let until = Some(Instant::now() + LONG);
                let line = Location::caller().line() + 1;
                Wait::new(&TEA).until(until).on_task(42).run(token.cancelled()).unwrap();
                line
            })
        }
    });
    let waiter = waiter.unwrap();
    let guest = || dump().contexts.into_iter().find(|seen| &*seen.name == "guest");
    eventually("the guest waits", || guest().is_some_and(|guest| guest.wait.is_some()));

    let guest = guest().unwrap();
    let printed = guest.to_string();
    let wait = guest.wait.unwrap();
    assert_eq!(wait.reason, "tea in a test");
    let at = wait.at.location().unwrap();
    assert_eq!(at.file(), file!());
    assert_eq!(wait.on_task, Some(42));
    assert_eq!(wait.in_task, Some(TaskLabel { id: 41, name: Some(Arc::from("breakfast")) }));
    assert!(wait.left.unwrap() <= LONG);
    assert!(wait.age <= LONG);
    for part in ["thread 'guest'", "in task 41 'breakfast'", "tea in a test (task 42)", " s left"] {
        assert!(printed.contains(part), "{printed:?} lacks {part:?}");
    }
    assert!(printed.ends_with(&format!(", at {}", wait.at)), "{printed}");
    assert!(dump().to_string().contains(&format!("#{} thread 'guest'", guest.id)));

    token.cancel();
    assert_eq!(waiter.join().unwrap(), at.line());
}

#[test]
fn a_context_that_does_not_wait_is_said_to_run() {
    let me = Context::current();
    me.set_name("busy bee");
    let seen = find(me.id()).unwrap();
    assert!(seen.wait.is_none());
    assert_eq!(seen.to_string(), format!("#{} thread 'busy bee' runs", me.id()));
}

#[test]
fn an_inner_wait_hides_the_outer_one_until_it_is_over() {
    static OUTER: Reason = Reason::new("outer wait in a test");
    let (inner, outer) = (CancelToken::new(), CancelToken::new());
    let id = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let waiter = std::thread::spawn({
        let (inner, outer, id) = (inner.clone(), outer.clone(), Arc::clone(&id));
        move || {
            id.store(Context::current().id(), std::sync::atomic::Ordering::Release);
            let mut polls = 0;
            let mut end = std::pin::pin!(outer.cancelled());
            let outer = std::future::poll_fn(|cx| {
                polls += 1;
                if polls == 2 {
                    wait(inner.cancelled());
                }
                let poll = end.as_mut().poll(cx);
                if polls == 1 {
                    cx.waker().wake_by_ref();
                }
                poll
            });
            Wait::new(&OUTER).run(outer).unwrap();
        }
    });
    let reason = || {
        let id = id.load(std::sync::atomic::Ordering::Acquire);
        find(id).and_then(|seen| seen.wait).map(|wait| wait.reason)
    };
    eventually("it waits inside", || reason() == Some("future"));
    inner.cancel();
    eventually("it waits outside again", || reason() == Some("outer wait in a test"));
    outer.cancel();
    waiter.join().unwrap();
}

#[test]
fn dumps_and_waits_do_not_disturb_each_other() {
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.is_cancelled() {
                    manyhands_wait::sleep(Duration::from_micros(50));
                    std::thread::spawn(Context::current).join().unwrap();
                }
            });
        }
        for _ in 0..200 {
            let dump = dump();
            assert!(dump.contexts.is_sorted_by_key(|seen| seen.id));
            assert_eq!(dump.to_string().lines().count(), dump.contexts.len() + 1);
        }
        stop.cancel();
    });
}

#[test]
fn a_scheduler_puts_contexts_of_its_own_in_place_of_the_thread() {
    let thread = Context::current();
    let place = ScheduledContext::new(ContextKind::Coroutine);
    place.begin(Some("first".into()));
    // SAFETY: `place` stays where it is until the thread is put back, and no layer is open in it.
    unsafe { place.enter() };
    let first = Context::current();
    assert_eq!(first, place.context());
    assert_ne!(first, thread);
    assert_eq!((first.kind(), &*first.name()), (ContextKind::Coroutine, "first"));
    place.begin(None);
    let second = Context::current();
    assert_ne!(second.id(), first.id(), "another one is in the same place");
    assert_eq!(*second.name(), *format!("coroutine-{}", second.id()));
    assert_eq!(&*first.name(), "(ended)");
    // SAFETY: what was there before is still there.
    unsafe { place.leave() };
    assert_eq!(Context::current(), thread);
    place.end();
    assert!(find(second.id()).is_none());
}

#[test]
fn a_scheduled_context_has_layers_of_its_own() {
    let token = CancelToken::new();
    token.cancel();
    let place = ScheduledContext::new(ContextKind::Coroutine);
    let ended = manyhands_wait::with_cancel_token(&token, || {
        assert!(manyhands_wait::is_cancelled());
        // SAFETY: as above; the layer of the token is put back before it is left.
        unsafe { place.enter() };
        let cancelled_inside = manyhands_wait::is_cancelled();
        // SAFETY: as above.
        unsafe { place.leave() };
        cancelled_inside
    });
    assert!(!ended.unwrap());
}

#[test]
fn a_wait_of_a_scheduled_context_is_listed_under_its_name() {
    let place = ScheduledContext::new(ContextKind::Coroutine);
    place.begin(Some("waiter".into()));
    let id = place.context().id();
    // SAFETY: as above.
    unsafe { place.enter() };
    let mut seen = None;
    let looks = std::future::poll_fn(|cx| {
        if seen.is_none() {
            cx.waker().wake_by_ref();
        }
        match find(id).filter(|found| found.wait.is_some()) {
            None => std::task::Poll::Pending,
            found => {
                seen = found;
                std::task::Poll::Ready(())
            }
        }
    });
    Wait::new(&TEA).run(looks).unwrap();
    // SAFETY: as above.
    unsafe { place.leave() };
    let seen = seen.unwrap();
    assert_eq!((&*seen.name, seen.wait.unwrap().reason), ("waiter", TEA.text()));
    assert!(find(id).unwrap().wait.is_none());
}
